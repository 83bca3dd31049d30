"""The benchmark works here: a call is measured once, for a moment; scripts/bench takes its time."""

import benchmark


def test_a_setmem_that_is_refused_for_a_real_device_is_measured_for_every_target(virtballoond):
    samples = benchmark.measure(virtballoond, cases=["PCI"], only=["setmem-refused"], rounds=1,
                                msec=1)
    assert [sample["target"] for sample in samples] == ["direct", "virtballoond", "socat"]
    assert all(sample["p50"] > 0 for sample in samples)
