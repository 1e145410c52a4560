from drivers import driver


@driver("lib-queue_wait")
def test_queue_wait(run):
    run()


@driver("lib-queue_wait-spsc")
def test_queue_wait_with_one_producer_and_one_consumer(run):
    run()
