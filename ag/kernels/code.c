/* Every function has a slot of whole pages, which are writable or executable but never both. Finding one takes no lock:
 * a list by hash is followed, and a count of users keeps what was found from being replaced. Making one takes the lock,
 * and replaces what a clock hand finds unused. */
#include "ag/kernels/code.h"

#include <pthread.h>
#include <sys/mman.h>

enum { LISTS_BITS = 10 };

static ag_code codes[AG_CODE_KINDS];
static atomic_ushort lists[1 << LISTS_BITS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *memory;
static unsigned hand;

/* ---- keys */

static atomic_ushort *list_of(const uint64_t *word)
{
    uint64_t h = word[0] * 0x9e3779b97f4a7c15 + word[1] * 0xd6e8feb86659fd93 + word[2] * 0xa0761d6478bd642f +
                 word[3] * 0xe7037ed1a0b428db;
    return &lists[(h ^ h << 25) >> (64 - LISTS_BITS)];
}

static bool matches(const ag_code *c, const ag_code_key *key)
{
    for (int i = 0; i < AG_CODE_WORDS; i++)
        if (atomic_load_explicit(&c->word[i], memory_order_relaxed) != key->word[i])
            return false;
    return true;
}

/* ---- finding */

static bool enter(ag_code *c)
{
    int users = atomic_load_explicit(&c->users, memory_order_relaxed);
    while (users >= 0)
        if (atomic_compare_exchange_weak_explicit(&c->users, &users, users + 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    return false;
}

/* The key is compared again once it can not change any more. A list that is changed meanwhile may lead astray, which
 * costs a look under the lock. */
static ag_code *find(const ag_code_key *key)
{
    unsigned i = atomic_load_explicit(list_of(key->word), memory_order_acquire);
    for (int steps = 0; i && steps < AG_CODE_KINDS; steps++) {
        ag_code *c = &codes[i - 1];
        if (matches(c, key) && enter(c)) {
            if (matches(c, key))
                return c;
            ag_code_release(c);
        }
        i = atomic_load_explicit(&c->next, memory_order_acquire);
    }
    return NULL;
}

/* ---- making, under the lock */

static void unlink_code(ag_code *c)
{
    uint64_t word[AG_CODE_WORDS], any = 0;
    for (int i = 0; i < AG_CODE_WORDS; i++)
        any |= word[i] = atomic_exchange_explicit(&c->word[i], 0, memory_order_relaxed);
    if (!any)
        return;
    atomic_ushort *at = list_of(word);
    while (*at != c - codes + 1)
        at = &codes[*at - 1].next;
    *at = c->next;
}

/* One that no one uses, and that was not used since the hand came by. NULL: all are in use at this moment. */
static ag_code *vacate(void)
{
    for (int i = 0; i < 2 * AG_CODE_KINDS; i++) {
        ag_code *c = &codes[hand];
        hand = (hand + 1) % AG_CODE_KINDS;
        int none = 0;
        if (!atomic_exchange(&c->recent, false) && atomic_compare_exchange_strong(&c->users, &none, -1)) {
            unlink_code(c);
            return c;
        }
    }
    return NULL;
}

static bool write_code(ag_code *c, ag_code_generator *generate, const void *context)
{
    char *slot = memory + (c - codes) * AG_CODE_BYTES;
    if (mprotect(slot, AG_CODE_BYTES, PROT_READ | PROT_WRITE))
        return false;
    size_t bytes = generate(context, slot, AG_CODE_BYTES);
    c->run = (void (*)(void))(uintptr_t)slot;
    return !mprotect(slot, AG_CODE_BYTES, PROT_READ | PROT_EXEC) && bytes > 0;
}

static ag_code *make(const ag_code_key *key, ag_code_generator *generate, const void *context)
{
    ag_code *c = vacate();
    if (!c)
        return NULL;
    if (!write_code(c, generate, context)) {
        atomic_store(&c->users, 0);
        return NULL;
    }
    for (int i = 0; i < AG_CODE_WORDS; i++)
        atomic_store_explicit(&c->word[i], key->word[i], memory_order_relaxed);
    atomic_ushort *list = list_of(key->word);
    atomic_store(&c->next, *list);
    atomic_store_explicit(&c->users, 1, memory_order_release);
    atomic_store_explicit(list, (unsigned short)(c - codes + 1), memory_order_release);
    return c;
}

/* ---- the interface */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void in_child(void) /* the threads that used code did not come along */
{
    for (int i = 0; i < AG_CODE_KINDS; i++)
        atomic_store(&codes[i].users, 0);
    pthread_mutex_unlock(&lock);
}

bool ag_code_start(void)
{
    void *p =
        mmap(NULL, (size_t)AG_CODE_KINDS * AG_CODE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    memory = p;
    return !pthread_atfork(before_fork, after_fork, in_child);
}

ag_code *ag_code_take(const ag_code_key *key, ag_code_generator *generate, const void *context)
{
    ag_code *c = find(key);
    if (!c) {
        pthread_mutex_lock(&lock);
        c = find(key);
        if (!c)
            c = make(key, generate, context);
        pthread_mutex_unlock(&lock);
    }
    if (c && !atomic_load_explicit(&c->recent, memory_order_relaxed))
        atomic_store_explicit(&c->recent, true, memory_order_relaxed);
    return c;
}

void ag_code_release(ag_code *c)
{
    atomic_fetch_sub_explicit(&c->users, 1, memory_order_release);
}
