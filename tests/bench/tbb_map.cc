/*
 * tbb_map.cc - oneTBB's concurrent_hash_map, between threads.
 */
#include "keyed.h"

#include <string_view>
#include <tbb/concurrent_hash_map.h>

namespace
{

struct Compare {
	size_t hash(const keyed_key &key) const
	{
		return std::hash<std::string_view>()(
			std::string_view(key.bytes, KEYED_KEY));
	}
	bool equal(const keyed_key &a, const keyed_key &b) const
	{
		return !memcmp(a.bytes, b.bytes, KEYED_KEY);
	}
};

using Map = tbb::concurrent_hash_map<keyed_key, keyed_value, Compare>;

void *create()
{
	return new Map;
}

bool get(void *table, const keyed_key *key, keyed_value *value)
{
	Map::const_accessor found;

	if (!static_cast<Map *>(table)->find(found, *key))
		return false;
	*value = found->second;
	return true;
}

void put(void *table, const keyed_key *key, const keyed_value *value)
{
	Map::accessor place;

	static_cast<Map *>(table)->insert(place, *key);
	place->second = *value;
}

bool remove(void *table, const keyed_key *key)
{
	return static_cast<Map *>(table)->erase(*key);
}

constexpr keyed_ops operations()
{
	keyed_ops ops = {};

	ops.row = "oneTBB hash map (threads)";
	ops.threads = true;
	ops.create = create;
	ops.get = get;
	ops.put = put;
	ops.remove = remove;
	return ops;
}

constexpr keyed_ops map = operations();
KEYED(map)

} // namespace
