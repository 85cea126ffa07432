"""Sound cards by names that stay, on a /proc/asound that is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import DeviceError
from edge.microphone import choose_input
from edge.microphone.cards import Card, cards, with_cards
from edge.microphone.device import Device

CARDS = """\
 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0
                      vc4-hdmi-0
 1 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.2, full speed
 2 [Device_1       ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.3, full speed
 3 [ArrayUAC10     ]: USB-Audio - ReSpeaker 4 Mic Array (UAC1.0)
                      SEEED ReSpeaker 4 Mic Array (UAC1.0) at usb-0000:01:00.0-1.2.1, high speed
"""
TWINS = "USB PnP Sound Device: Audio (hw:{},0)"


@pytest.fixture
def devices(tmp_path: Path) -> list[Device]:
    """Two equal microphones and another, as PortAudio lists them, with their cards."""
    (tmp_path / "cards").write_text(CARDS)
    listed = [
        Device(0, TWINS.format(1), "ALSA", 1, 2, 44_100),
        Device(1, TWINS.format(2), "ALSA", 1, 2, 44_100),
        Device(2, "ReSpeaker 4 Mic Array (UAC1.0): USB Audio (hw:3,0)", "ALSA", 6, 2, 16_000),
        Device(3, "default", "ALSA", 32, 32, 44_100, default_input=True),
    ]
    return with_cards(listed, tmp_path)


def test_cards_are_read(tmp_path: Path) -> None:
    """Number, id and socket of each; no file, no cards; what cannot be read as a card is none."""
    assert cards(tmp_path) == {}
    (tmp_path / "cards").write_text("--- no soundcards ---\n")
    assert cards(tmp_path) == {}
    (tmp_path / "cards").write_text(CARDS)
    found = cards(tmp_path)
    assert found[0] == Card("vc4hdmi0")
    assert found[2] == Card("Device_1", "usb-0000:01:00.0-1.3")


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("CARD=Device", 0),
        ("Device", 0),
        ("card=device_1", 1),
        ("hw:CARD=Device_1,DEV=0", 1),
        ("plughw:Device_1,0", 1),
        ("usb-0000:01:00.0-1.2", 0),
        ("usb-0000:01:00.0-1.3", 1),
        ("usb-0000:01:00.0-1.2.1", 2),
        ("ArrayUAC10", 2),
        ("hw:2,0", 1),
    ],
)
def test_d2_a_device_is_chosen_by_its_card_or_socket(devices: list[Device], wanted: str, index: int) -> None:
    """The id of a card and the socket it is plugged into name one device, whatever its number; an id or a
    socket that is the beginning of another means the whole one."""
    assert choose_input(devices, wanted).index == index


def test_d2_equal_microphones_are_told_apart(devices: list[Device]) -> None:
    """A name that fits two equal ones is refused with the id and the socket of each, and says what to do."""
    with pytest.raises(DeviceError) as refused:
        choose_input(devices, "USB PnP")
    said = str(refused.value)
    assert "CARD=Device usb-0000:01:00.0-1.2" in said
    assert "CARD=Device_1 usb-0000:01:00.0-1.3" in said
    assert "or, where two are equal, to the usb-... socket" in said


def test_d2_a_new_number_changes_nothing(tmp_path: Path) -> None:
    """After a boot that found the cards the other way round, the socket still names the same microphone."""
    swapped = CARDS.replace("-1.2,", "-1.9,").replace("-1.3,", "-1.2,").replace("-1.9,", "-1.3,")
    (tmp_path / "cards").write_text(swapped)
    listed = with_cards([Device(n, TWINS.format(n), "ALSA", 1, 2, 44_100) for n in (1, 2)], tmp_path)
    assert choose_input(listed, "usb-0000:01:00.0-1.2").name == TWINS.format(2)


def test_a_source_of_the_sound_server_goes_through_alsas_plug(devices: list[Device]) -> None:
    """`pulse:NAME` opens ALSA's way to the server under that name; without one it is refused."""
    found = choose_input(devices, "pulse:alsa_input.usb-Blue")
    assert (found.index, found.name) == (3, "pulse:alsa_input.usb-Blue")
    with pytest.raises(DeviceError, match="libasound2-plugins"):
        choose_input(devices[:3], "pulse:mic")
