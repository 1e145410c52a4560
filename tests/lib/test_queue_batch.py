from drivers import driver


@driver("lib-queue_batch")
def test_queue_batch(run):
    run()
