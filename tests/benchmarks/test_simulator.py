from benchmarks import simulator


def test_what_processes_tell_is_put_in_order():
    told = [simulator.hold(first, 3, 2) for first in range(2)]
    assert [call["seed"] for call in told[0]["calls"]] == [0, 2]
    batch = simulator.gathered(told, 2.0)
    again = simulator.gathered([simulator.hold(0, 3, 1)], 1.0)
    assert batch.digest == again.digest
    assert batch.lasted == again.lasted
    assert min(batch.lasted) >= 30
    assert min(batch.turns) >= 3
    assert batch.wrong == []
