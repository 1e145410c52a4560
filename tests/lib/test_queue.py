from drivers import driver


@driver("lib-queue")
def test_queue(run):
    run()


@driver("lib-queue-spsc")
def test_queue_with_one_producer_and_one_consumer(run):
    run()
