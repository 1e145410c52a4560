from drivers import driver


@driver("lib-queue_packet")
def test_queue_packet(run):
    run()
