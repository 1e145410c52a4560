from drivers import driver


@driver("lib-table_room")
def test_table_room(run):
    run()
