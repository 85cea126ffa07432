/* Preloaded: ALSA's devices are in use by somebody else as long as the file $BUSY exists. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int snd_pcm_open(void **pcm, const char *name, int stream, int mode)
{
    const char *busy = getenv("BUSY");
    if (busy && access(busy, F_OK) == 0)
        return -EBUSY;
    int (*open)(void **, const char *, int, int) = dlsym(dlopen("libasound.so.2", RTLD_LAZY), "snd_pcm_open");
    return open(pcm, name, stream, mode);
}
