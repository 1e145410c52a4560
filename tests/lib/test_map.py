from drivers import driver


@driver("lib-map")
def test_map(run):
    run()


@driver("lib-map_table")
def test_what_tables_do(run):
    run()
