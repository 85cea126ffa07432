/* A Video4Linux camera without a kernel module: preloaded into a program, it answers for the file named by
   FAKE_VIDEO as a USB camera's driver would (YUYV, 640 x 480, memory-mapped buffers, a picture every 33 ms).
   It sees a red card with a blue corner at the top left, whose last row counts the pictures. What is wrong with
   it is read from FAKE_VIDEO itself before each picture: "" nothing, "hang" no picture ever comes, "gone"
   ENODEV, "still" all pictures are the same, "busy" it cannot be opened. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 640, HEIGHT = 480, BUFFERS = 4, BYTES = WIDTH * HEIGHT * 2 };

static int camera = -1;
static unsigned char *memory[BUFFERS];
static int queue[BUFFERS], waiting;
static unsigned long taken;

static int real_open(const char *path, int flags) {
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    return next(path, flags);
}

static int state(const char *word) {
    char text[16] = "";
    int file = real_open(getenv("FAKE_VIDEO"), O_RDONLY);
    if (file >= 0 && read(file, text, sizeof text - 1) < 0) text[0] = 0;
    if (file >= 0) close(file);
    return !strcmp(text, word);
}

static int opened(const char *path, int flags, mode_t mode, const char *name) {
    const char *ours = getenv("FAKE_VIDEO");
    if (!ours || strcmp(path, ours) || !(flags & O_RDWR)) {
        int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
        return next(path, flags, mode);
    }
    if (state("busy")) { errno = EBUSY; return -1; }
    return camera = real_open("/dev/null", O_RDWR);
}

#define OPEN(NAME) int NAME(const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, int); va_end(rest); \
    return opened(path, flags, mode, #NAME); }
OPEN(open)
OPEN(open64)

static void *mapped(void *at, size_t size, int access, int flags, int file, off64_t place, const char *name) {
    void *(*next)(void *, size_t, int, int, int, off64_t) = dlsym(RTLD_NEXT, name);
    if (file != camera || camera < 0) return next(at, size, access, flags, file, place);
    return memory[place / BYTES] = next(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
void *mmap(void *at, size_t size, int access, int flags, int file, off_t place) {
    return mapped(at, size, access, flags, file, place, "mmap");
}
void *mmap64(void *at, size_t size, int access, int flags, int file, off64_t place) {
    return mapped(at, size, access, flags, file, place, "mmap64");
}

static void paint(unsigned char *pixels) {
    static const unsigned char red[4] = {90, 95, 90, 212}, blue[4] = {63, 216, 63, 102}; /* Y Cb Y Cr, BT.601 */
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x += 2)
            memcpy(pixels + 2 * (y * WIDTH + x), y < HEIGHT / 2 && x < WIDTH / 2 ? blue : red, 4);
    int count = state("still") ? 90 : 16 + taken % 200;
    for (int x = 0; x < WIDTH; x++) pixels[2 * ((HEIGHT - 1) * WIDTH + x)] = count;
}

static int dequeue(struct v4l2_buffer *buffer) {
    struct timespec pause = {0, 33000000}, now;
    while (state("hang")) nanosleep(&pause, NULL);
    nanosleep(&pause, NULL);
    if (state("gone")) { errno = ENODEV; return -1; }
    if (!waiting) { errno = EAGAIN; return -1; }
    buffer->index = queue[0];
    memmove(queue, queue + 1, --waiting * sizeof *queue);
    paint(memory[buffer->index]);
    taken++;
    clock_gettime(CLOCK_MONOTONIC, &now);
    buffer->timestamp.tv_sec = now.tv_sec;
    buffer->timestamp.tv_usec = now.tv_nsec / 1000;
    buffer->bytesused = buffer->length = BYTES;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_DONE;
    return 0;
}

static int format(struct v4l2_format *wanted) {
    struct v4l2_pix_format *pix = &wanted->fmt.pix;
    pix->width = WIDTH; pix->height = HEIGHT; pix->pixelformat = V4L2_PIX_FMT_YUYV;
    pix->field = V4L2_FIELD_NONE; pix->bytesperline = 2 * WIDTH; pix->sizeimage = BYTES;
    return 0;
}

int ioctl(int file, unsigned long request, ...) {
    va_list rest; va_start(rest, request); void *data = va_arg(rest, void *); va_end(rest);
    if (file != camera || camera < 0) {
        int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
        return next(file, request, data);
    }
    switch ((unsigned int)request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = data;
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "fake");
        capability->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *one = data;
        if (one->index) break;
        one->pixelformat = V4L2_PIX_FMT_YUYV;
        return 0;
    }
    case VIDIOC_G_FMT: case VIDIOC_S_FMT: case VIDIOC_TRY_FMT: return format(data);
    case VIDIOC_G_PARM: case VIDIOC_S_PARM: {
        struct v4l2_streamparm *pace = data;
        pace->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        pace->parm.capture.timeperframe.numerator = 1;
        pace->parm.capture.timeperframe.denominator = 30;
        return 0;
    }
    case VIDIOC_REQBUFS: ((struct v4l2_requestbuffers *)data)->count = BUFFERS; return 0;
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = data;
        buffer->length = BYTES; buffer->m.offset = buffer->index * BYTES;
        return 0;
    }
    case VIDIOC_QBUF: queue[waiting++] = ((struct v4l2_buffer *)data)->index; return 0;
    case VIDIOC_DQBUF: return dequeue(data);
    case VIDIOC_G_INPUT: *(int *)data = 0; return 0;
    case VIDIOC_S_INPUT: case VIDIOC_STREAMON: case VIDIOC_STREAMOFF: return 0;
    case VIDIOC_ENUMINPUT:
        if (((struct v4l2_input *)data)->index) break;
        ((struct v4l2_input *)data)->type = V4L2_INPUT_TYPE_CAMERA;
        return 0;
    }
    errno = EINVAL;
    return -1;
}
