from drivers import driver


@driver("lib-queue_wait")
def test_queue_wait(run):
    run()
