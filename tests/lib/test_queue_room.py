from drivers import driver


@driver("lib-queue_room")
def test_queue_room(run):
    run()


@driver("lib-queue_room-spsc")
def test_queue_room_with_one_producer_and_one_consumer(run):
    run()
