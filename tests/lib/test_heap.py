from drivers import driver


@driver("lib-heap")
def test_heap(run):
    run()
