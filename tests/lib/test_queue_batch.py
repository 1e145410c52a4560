from drivers import driver


@driver("lib-queue_batch")
def test_queue_batch(run):
    run()


@driver("lib-queue_batch-spsc")
def test_queue_batch_with_one_producer_and_one_consumer(run):
    run()
