"""What hyperframe does otherwise in this process."""

from hyperframe.frame import DataFrame

import zonegit.net.h2_patches


def test_the_text_of_a_data_frame_has_its_size_and_not_its_bytes() -> None:
    assert zonegit.net.h2_patches
    frame = DataFrame(1)
    frame.parse_body(memoryview(bytes(1 << 20)))
    assert repr(frame).endswith("<1048576 bytes>")
    assert len(repr(frame)) < 100
