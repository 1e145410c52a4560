from drivers import driver


@driver("lib-heap_relaxed")
def test_heap_relaxed(run):
    run()
