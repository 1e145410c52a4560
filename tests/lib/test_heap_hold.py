from drivers import driver


@driver("lib-heap_hold")
def test_heap_hold(run):
    run()
