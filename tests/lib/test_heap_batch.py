from drivers import driver


@driver("lib-heap_batch")
def test_heap_batch(run):
    run()
