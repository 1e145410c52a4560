from drivers import driver


@driver("lib-table_damage")
def test_table_damage(run):
    run()


@driver("lib-table_damage_one")
def test_table_damage_with_one_writer(run):
    run()
