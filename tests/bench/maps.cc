/*
 * maps.cc - std::map, and std::unordered_map without a lock and under a
 * shared_mutex, in one process.
 */
#include "keyed.h"

#include <map>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>

namespace
{

struct Hash {
	size_t operator()(const keyed_key &key) const
	{
		return std::hash<std::string_view>()(
			std::string_view(key.bytes, KEYED_KEY));
	}
};

struct Same {
	bool operator()(const keyed_key &a, const keyed_key &b) const
	{
		return !memcmp(a.bytes, b.bytes, KEYED_KEY);
	}
};

using Map = std::unordered_map<keyed_key, keyed_value, Hash, Same>;

struct Locked {
	std::shared_mutex mutex;
	Map map;
};

void *create()
{
	return new Locked;
}

bool get(void *table, const keyed_key *key, keyed_value *value)
{
	Map &map = static_cast<Locked *>(table)->map;
	auto found = map.find(*key);

	if (found == map.end())
		return false;
	*value = found->second;
	return true;
}

void put(void *table, const keyed_key *key, const keyed_value *value)
{
	static_cast<Locked *>(table)->map.insert_or_assign(*key, *value);
}

bool remove(void *table, const keyed_key *key)
{
	return static_cast<Locked *>(table)->map.erase(*key);
}

bool locked_get(void *table, const keyed_key *key, keyed_value *value)
{
	std::shared_lock lock(static_cast<Locked *>(table)->mutex);

	return get(table, key, value);
}

void locked_put(void *table, const keyed_key *key, const keyed_value *value)
{
	std::unique_lock lock(static_cast<Locked *>(table)->mutex);

	put(table, key, value);
}

bool locked_remove(void *table, const keyed_key *key)
{
	std::unique_lock lock(static_cast<Locked *>(table)->mutex);

	return remove(table, key);
}

struct Less {
	bool operator()(const keyed_key &a, const keyed_key &b) const
	{
		return memcmp(a.bytes, b.bytes, KEYED_KEY) < 0;
	}
};

using Ordered = std::map<keyed_key, keyed_value, Less>;

void *ordered_create()
{
	return new Ordered;
}

bool ordered_get(void *map, const keyed_key *key, keyed_value *value)
{
	Ordered &ordered = *static_cast<Ordered *>(map);
	auto found = ordered.find(*key);

	if (found == ordered.end())
		return false;
	*value = found->second;
	return true;
}

void ordered_put(void *map, const keyed_key *key, const keyed_value *value)
{
	static_cast<Ordered *>(map)->insert_or_assign(*key, *value);
}

bool ordered_remove(void *map, const keyed_key *key)
{
	return static_cast<Ordered *>(map)->erase(*key);
}

unsigned ordered_scan(void *map, const keyed_key *from, keyed_value *values)
{
	Ordered &ordered = *static_cast<Ordered *>(map);
	unsigned count = 0;

	for (auto at = ordered.lower_bound(*from);
		at != ordered.end() && count < KEYED_SCAN; ++at)
		values[count++] = at->second;
	return count;
}

constexpr keyed_ops ordered_operations()
{
	keyed_ops ops = {};

	ops.row = "std::map (one thread)";
	ops.threads = true;
	ops.alone = true;
	ops.create = ordered_create;
	ops.get = ordered_get;
	ops.put = ordered_put;
	ops.remove = ordered_remove;
	ops.scan = ordered_scan;
	return ops;
}

constexpr keyed_ops operations(bool locked)
{
	keyed_ops ops = {};

	ops.row = locked ? "unordered_map, rwlock (threads)"
			 : "unordered_map (one thread)";
	ops.threads = true;
	ops.alone = !locked;
	ops.create = create;
	ops.get = locked ? locked_get : get;
	ops.put = locked ? locked_put : put;
	ops.remove = locked ? locked_remove : remove;
	return ops;
}

constexpr keyed_ops plain = operations(false);
KEYED(plain)

constexpr keyed_ops ordered = ordered_operations();
KEYED(ordered)

constexpr keyed_ops rwlock = operations(true);
KEYED(rwlock)

} // namespace
