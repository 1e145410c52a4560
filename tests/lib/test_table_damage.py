from drivers import driver


@driver("lib-table_damage")
def test_table_damage(run):
    run()
