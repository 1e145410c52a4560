/* agora/agora.h - all of agora. */
#ifndef AGORA_AGORA_H
#define AGORA_AGORA_H

#include <agora/base.h>
#include <agora/heap.h>
#include <agora/list.h>
#include <agora/log.h>
#include <agora/map.h>
#include <agora/object.h>
#include <agora/program.h>
#include <agora/queue.h>
#include <agora/reference.h>
#include <agora/set.h>
#include <agora/space.h>
#include <agora/stack.h>
#include <agora/string.h>
#include <agora/table.h>
#include <agora/type.h>
#include <agora/watch.h>

#endif
