
/*
 * Copyright (C) Keepers
 *
 * Our Redis scripts.  All keys of one call share a hash slot.  Time is the
 * time of Redis, so that nodes with different clocks agree; numbers stay far
 * below 2^53, where Lua's doubles are exact (1.8e15 us is today).
 */


#include "redis/ngx_keepers_redis_int.h"

#include "core/keepers_session.h"

#include <ngx_sha1.h>


/* EVALSHA, a digest and the number of keys, encoded */
#define NGX_KEEPERS_REDIS_CALL  96


static ngx_int_t ngx_keepers_redis_script_call(
    ngx_keepers_redis_command_t *command,
    u_char head[NGX_KEEPERS_REDIS_CALL], ngx_keepers_script_e script,
    ngx_uint_t keys, ngx_uint_t argc);


/*
 * MINT: stores a session, keeps the user's index of sessions, ends the oldest
 * ones above the maximum.
 *
 *   KEYS  session, index
 *   ARGV  sealed record, its lifetime in ms, its expiry in unix ms,
 *         the SID, sessions a user may have, the session key's text before
 *         SID, the channel of revocations
 *
 * Returns the number of sessions ended.  Room is made before the new one is
 * added: it must not be the one that goes, were its expiry the earliest.  The
 * index lives as long as its last member: a shorter session never shortens it.
 */

#define NGX_KEEPERS_REDIS_MINT                                               \
    "local s,x=KEYS[1],KEYS[2]\n"                                            \
    "local call=redis.call\n"                                                \
    "local t=call('TIME')\n"                                                 \
    "local now=t[1]*1000+math.floor(t[2]/1000)\n"                            \
    "call('SET',s,ARGV[1],'PX',ARGV[2])\n"                                   \
    "call('ZREMRANGEBYSCORE',x,'-inf',string.format('%.0f',now))\n"          \
    "local over=call('ZCARD',x)+1-ARGV[5]\n"                                 \
    "if over>0 then\n"                                                       \
    " local gone=call('ZRANGE',x,0,over-1)\n"                                \
    " for _,sid in ipairs(gone) do\n"                                        \
    "  if sid~=ARGV[4] then call('DEL',ARGV[6]..sid) end\n"                  \
    " end\n"                                                                 \
    " call('PUBLISH',ARGV[7],table.concat(gone))\n"                          \
    " call('ZREMRANGEBYRANK',x,0,over-1)\n"                                  \
    "else over=0 end\n"                                                      \
    "call('ZADD',x,ARGV[3],ARGV[4])\n"                                       \
    "local left=ARGV[3]-now\n"                                               \
    "if left>call('PTTL',x) then\n"                                          \
    " call('PEXPIRE',x,string.format('%.0f',left))\n"                        \
    "end\n"                                                                  \
    "return over\n"


/*
 * LIMIT: GCRA over up to eight rules, all or nothing: a request that one
 * enforced rule refuses costs nothing in any.
 *
 *   KEYS  a rule's state: its theoretical arrival time (TAT), us
 *   ARGV  for each rule: interval us, tolerance us (interval * (burst - 1)),
 *         cost in cells (0 looks whether one more would pass), 1 for a
 *         shadow rule else 0
 *
 * Returns a number for each rule, that of one alone not in a list: if it would
 * admit, us until all of it is free again, with the charge if there is one;
 * else, below zero, us until it would admit (2^53 - 1: never, it costs more
 * than the burst).  What remains follows from that: keepers_rate_left().  The
 * arithmetic is that of keepers_rate_decide().  A shadow rule has its own state
 * and refuses nothing.
 * "room" is how far TAT may run ahead of now; a TAT beyond it comes from a
 * clock set back, as after a failover, or from a rule made smaller.  It is
 * brought down to a full bucket at once: as long as each request is refused
 * nothing else would, and somebody would be locked out until the clock has
 * caught up.
 *
 * It is written for Lua 5.1 without a compiler: numbers go to Redis as they
 * are, for it prints them with 17 digits, and one rule, as most requests have
 * it, is decided by itself, without a table: the same lines once more.
 */

#define NGX_KEEPERS_REDIS_LIMIT                                              \
    "local call,A,n=redis.call,ARGV,#KEYS\n"                                 \
    NGX_KEEPERS_REDIS_LIMIT_CLOCK                                            \
    NGX_KEEPERS_REDIS_LIMIT_ONE                                              \
    "local out=call('MGET',unpack(KEYS))\n"                                  \
    NGX_KEEPERS_REDIS_LIMIT_MANY                                             \
    "return out\n"


/*
 * ADMIT: LIMIT for several requests, each with a reservation, as if each had
 * been asked about by itself, in this order.  What they have in common, the
 * state of a link's rule, is read and written once.
 *
 *   KEYS  n states, each once, then a reservation for each request, each once
 *   ARGV  lifetime of a reservation in ms; which rule each state is of, as n
 *         bytes; how many rules there are, as a byte; four of each rule, as of
 *         LIMIT; then of each request what its reservation says and, as bytes,
 *         how many states, the first ones, a repeat is charged, and its states
 *
 * Returns one list of all: of a request whose reservation was there what that
 * says, and what LIMIT returns of those first states, nothing else was decided;
 * else what LIMIT returns of all its states, and the reservation is made if no
 * enforced rule refuses.  A state that is too far ahead is brought down first,
 * whoever it is decided for.
 */

#define NGX_KEEPERS_REDIS_ADMIT                                              \
    "local call,K,A,byte=redis.call,KEYS,ARGV,string.byte\n"                 \
    "local of,rules={byte(A[2],1,-1)},byte(A[3])\n"                          \
    "local n,a,out=#of,3,call('MGET',unpack(K))\n"                           \
    NGX_KEEPERS_REDIS_LIMIT_CLOCK                                            \
    "local cost,need,room,ahead,set,said,v={},{},{},{},{},{},0\n"            \
    "for g=1,rules do\n"                                                     \
    " local step=A[a+1]+0\n"                                                 \
    " cost[g],room[g]=A[a+3]*step,A[a+2]+step\n"                             \
    " need[g]=cost[g]>0 and cost[g] or step\n"                               \
    " a=a+4\n"                                                               \
    "end\n"                                                                  \
    "for i=1,n do\n"                                                         \
    " local us,most=(tonumber(out[i] or 0) or 0)-now,room[of[i]]\n"          \
    " if us<0 then us=0 elseif us>most then us,set[i]=most,true end\n"       \
    " ahead[i]=us\n"                                                         \
    "end\n"                                                                  \
    "for j=1,#K-n do\n"                                                      \
    " local r,made,pass={byte(A[a+2],1,-1)},out[n+j],true\n"                 \
    " local last=#r\n"                                                       \
    " if made then\n"                                                        \
    "  v=v+1\n"                                                              \
    "  said[v],last=made,r[1]+1\n"                                           \
    " end\n"                                                                 \
    " v=v-1\n"                                                               \
    " for x=2,last do\n"                                                     \
    "  local us,g=ahead[r[x]],of[r[x]]\n"                                    \
    "  if us+need[g]>room[g] then\n"                                         \
    "   us=need[g]>room[g] and -9007199254740991 or room[g]-us-need[g]\n"    \
    "   if A[g*4+3]~='1' then pass=false end\n"                              \
    "  end\n"                                                                \
    "  said[v+x]=us\n"                                                       \
    " end\n"                                                                 \
    " for x=2,last do\n"                                                     \
    "  local us,i=said[v+x],r[x]\n"                                          \
    "  local more=cost[of[i]]\n"                                             \
    "  if pass and us>=0 and more>0 then\n"                                  \
    "   us=us+more\n"                                                        \
    "   said[v+x],ahead[i],set[i]=us,us,true\n"                              \
    "  end\n"                                                                \
    " end\n"                                                                 \
    " v=v+last\n"                                                            \
    " if pass and not made then call('SET',K[n+j],A[a+1],'PX',A[1]) end\n"   \
    " a=a+2\n"                                                               \
    "end\n"                                                                  \
    "for i in pairs(set) do\n"                                               \
    " call('SET',K[i],now+ahead[i],'PX',ceil(ahead[i]/1000))\n"              \
    "end\n"                                                                  \
    "return said\n"


#define NGX_KEEPERS_REDIS_LIMIT_CLOCK                                        \
    "local ceil=math.ceil\n"                                                 \
    "local t=call('TIME')\n"                                                 \
    "local now=t[1]*1000000+t[2]\n"

#define NGX_KEEPERS_REDIS_LIMIT_ONE                                          \
    "if n==1 then\n"                                                         \
    " local k=KEYS[1]\n"                                                     \
    " local step,cost=A[1]+0,A[3]+0\n"                                       \
    " local room=A[2]+step\n"                                                \
    " local ahead=(tonumber(call('GET',k) or 0) or 0)-now\n"                 \
    " if ahead<0 then ahead=0 elseif ahead>room then\n"                      \
    "  ahead=room\n"                                                         \
    "  call('SET',k,now+room,'PX',ceil(room/1000))\n"                        \
    " end\n"                                                                 \
    " local need=cost>0 and cost*step or step\n"                             \
    " if ahead+need>room then\n"                                             \
    "  return need>room and -9007199254740991 or room-ahead-need\n"          \
    " end\n"                                                                 \
    " if cost>0 then\n"                                                      \
    "  ahead=ahead+need\n"                                                   \
    "  call('SET',k,now+ahead,'PX',ceil(ahead/1000))\n"                      \
    " end\n"                                                                 \
    " return ahead\n"                                                        \
    "end\n"

#define NGX_KEEPERS_REDIS_LIMIT_MANY                                         \
    "local pass=true\n"                                                      \
    "for i=1,n do\n"                                                         \
    " local j=i*4\n"                                                         \
    " local step,cost=A[j-3]+0,A[j-1]+0\n"                                   \
    " local room=A[j-2]+step\n"                                              \
    " local ahead=(tonumber(out[i] or 0) or 0)-now\n"                        \
    " if ahead<0 then ahead=0 elseif ahead>room then\n"                      \
    "  ahead=room\n"                                                         \
    "  call('SET',KEYS[i],now+room,'PX',ceil(room/1000))\n"                  \
    " end\n"                                                                 \
    " local need=cost>0 and cost*step or step\n"                             \
    " if ahead+need>room then\n"                                             \
    "  out[i]=need>room and -9007199254740991 or room-ahead-need\n"          \
    "  if A[j]~='1' then pass=false end\n"                                   \
    " else\n"                                                                \
    "  out[i]=ahead+cost*step\n"                                             \
    " end\n"                                                                 \
    "end\n"                                                                  \
    "for i=1,n do\n"                                                         \
    " local ahead,cost=out[i],A[i*4-1]\n"                                    \
    " if ahead>=0 and cost~='0' then\n"                                      \
    "  if pass then\n"                                                       \
    "   call('SET',KEYS[i],now+ahead,'PX',ceil(ahead/1000))\n"               \
    "  else\n"                                                               \
    "   out[i]=ahead-cost*A[i*4-3]\n"                                        \
    "  end\n"                                                                \
    " end\n"                                                                 \
    "end\n"


/*
 * LIST: the sessions of a user, and an end to index members without one.
 *
 *   KEYS  index
 *   ARGV  the session key's text before SID
 *
 * Returns for each session: SID, sealed record, ms until it idles out.
 */

#define NGX_KEEPERS_REDIS_LIST                                               \
    "local call,x,out=redis.call,KEYS[1],{}\n"                               \
    "for _,sid in ipairs(call('ZREVRANGE',x,0,49)) do\n"                     \
    " local record=call('GET',ARGV[1]..sid)\n"                               \
    " if record then\n"                                                      \
    "  local n=#out\n"                                                       \
    "  out[n+1]=sid out[n+2]=record out[n+3]=call('PTTL',ARGV[1]..sid)\n"    \
    " else call('ZREM',x,sid) end\n"                                         \
    "end\n"                                                                  \
    "return out\n"


/*
 * SPOOL: keeps a sealed signup until the writer takes it.  The stream is
 * bounded by refusing, never by dropping what somebody was thanked for.
 *
 *   KEYS  stream
 *   ARGV  entries it may have, envelope
 *
 * Returns 1, or 0: it is full; 2: it is kept, and WAITAOF will say when it is
 * on disk.  An older server does not know the command, an ACL may forbid it,
 * and without an append-only file it fails.
 */

#define NGX_KEEPERS_REDIS_SPOOL                                              \
    "if redis.call('XLEN',KEYS[1])>=tonumber(ARGV[1]) then return 0 end\n"   \
    "redis.call('XADD',KEYS[1],'*','e',ARGV[2])\n"                           \
    "local ok,may=pcall(redis.acl_check_cmd,'WAITAOF','1','0','0')\n"        \
    "if not ok or not may then return 1 end\n"                               \
    "local info=redis.pcall('INFO','persistence')\n"                         \
    "if type(info)=='string' and info:find('aof_enabled:1',1,true)\n"        \
    " then return 2 end\n"                                                   \
    "return 1\n"


/*
 * UNDO: gives back what LIMIT has charged to one rule.
 *
 *   KEYS  the rule's state
 *   ARGV  us: cost * interval
 *
 * Returns 1, or 0 if nothing is left to give back.  The state never falls
 * below now: whoever was charged does not get more than an empty bucket.
 */

#define NGX_KEEPERS_REDIS_UNDO                                               \
    "local call,k=redis.call,KEYS[1]\n"                                      \
    "local tat=tonumber(call('GET',k) or 0) or 0\n"                          \
    "local t=call('TIME')\n"                                                 \
    "local now=t[1]*1000000+t[2]\n"                                          \
    "if tat<=now then return 0 end\n"                                        \
    "local ahead=tat-ARGV[1]-now\n"                                          \
    "if ahead<=0 then call('DEL',k) return 1 end\n"                          \
    "call('SET',k,string.format('%.0f',now+ahead),\n"                        \
    " 'PX',string.format('%.0f',math.ceil(ahead/1000)))\n"                   \
    "return 1\n"


/*
 * LIVE: how a session stands, for a response that is still running.
 *
 *   KEYS  session, the user's epoch
 *
 * Returns ms until it idles out (-2: it is gone) and the epoch, or nil.  Of one
 * that was replaced the record stays for an hour longer than its grace.
 */

#define NGX_KEEPERS_REDIS_LIVE                                               \
    "local call,s=redis.call,KEYS[1]\n"                                      \
    "local left=call('PTTL',s)\n"                                            \
    "if #(call('GET',s) or '')==148 then\n"                                  \
    " left=left-3600000\n"                                                   \
    " if left<=0 then left=-2 end\n"                                         \
    "end\n"                                                                  \
    "return {left,call('GET',KEYS[2])}\n"

_Static_assert(KEEPERS_SESSION_ROTATED_SEALED_LEN == 148
               && KEEPERS_SESSION_REPLACED_MS == 3600000, "as in LIVE");


/*
 * ROTATE: puts one session in another's place.
 *
 *   KEYS  the new session, index, the old session
 *   ARGV  sealed record, its lifetime in ms, its expiry in unix ms, its SID,
 *         the old SID, what the old record becomes, kept for how many ms, the
 *         length of a record that was not replaced, channel, message, ms
 *         until the expiry
 *
 * Returns 1; or 0, and nothing is changed: the old session is gone, or has a
 * successor already.  The index takes one for the other, so there is no
 * maximum to keep.
 */

#define NGX_KEEPERS_REDIS_ROTATE                                             \
    "local call,s,x,old=redis.call,KEYS[1],KEYS[2],KEYS[3]\n"                \
    "if #(call('GET',old) or '')~=ARGV[8]+0 then return 0 end\n"             \
    "call('SET',s,ARGV[1],'PX',ARGV[2])\n"                                   \
    "call('SET',old,ARGV[6],'PX',ARGV[7])\n"                                 \
    "call('ZREM',x,ARGV[5])\n"                                               \
    "call('ZADD',x,ARGV[3],ARGV[4])\n"                                       \
    "if call('PTTL',x)<ARGV[11]+0 then\n"                                    \
    " call('PEXPIREAT',x,ARGV[3])\n"                                         \
    "end\n"                                                                  \
    "call('PUBLISH',ARGV[9],ARGV[10])\n"                                     \
    "return 1\n"


/*
 * TAKE: ends sessions, and returns what stood there, or nil, for each: GETDEL,
 * which not every Redis has, of several.
 *
 *   KEYS  sessions
 */

#define NGX_KEEPERS_REDIS_TAKE                                               \
    "local records=redis.call('MGET',unpack(KEYS))\n"                        \
    "redis.call('DEL',unpack(KEYS))\n"                                       \
    "return records\n"


const keepers_str_t  ngx_keepers_redis_script_text[NGX_KEEPERS_SCRIPTS] = {
    keepers_string(NGX_KEEPERS_REDIS_MINT),
    keepers_string(NGX_KEEPERS_REDIS_LIMIT),
    keepers_string(NGX_KEEPERS_REDIS_ADMIT),
    keepers_string(NGX_KEEPERS_REDIS_LIST),
    keepers_string(NGX_KEEPERS_REDIS_SPOOL),
    keepers_string(NGX_KEEPERS_REDIS_UNDO),
    keepers_string(NGX_KEEPERS_REDIS_LIVE),
    keepers_string(NGX_KEEPERS_REDIS_ROTATE),
    keepers_string(NGX_KEEPERS_REDIS_TAKE)
};


/*
 * How a call of a script begins: encoded, with the script's digest, and with
 * one key, as most of them.
 */

#define NGX_KEEPERS_REDIS_EVALSHA  "$7\r\nEVALSHA\r\n$40\r\n"
#define NGX_KEEPERS_REDIS_ONE_KEY  "\r\n$1\r\n1\r\n"

#define NGX_KEEPERS_REDIS_HEAD                                               \
    (sizeof(NGX_KEEPERS_REDIS_EVALSHA) - 1 + NGX_KEEPERS_REDIS_DIGEST + 2)

#define NGX_KEEPERS_REDIS_HEAD_ONE                                           \
    (NGX_KEEPERS_REDIS_HEAD - 2 + sizeof(NGX_KEEPERS_REDIS_ONE_KEY) - 1)

static u_char  ngx_keepers_redis_heads[NGX_KEEPERS_SCRIPTS]
                                      [NGX_KEEPERS_REDIS_HEAD_ONE];

_Static_assert(NGX_KEEPERS_REDIS_HEAD + sizeof("$2\r\n00\r\n") - 1
               <= NGX_KEEPERS_REDIS_CALL, "and the number of keys");


/* Once a process, before the first connection. */

void
ngx_keepers_redis_script_digests(void)
{
    u_char      sum[20], *p;
    ngx_sha1_t  sha1;
    ngx_uint_t  i;

    for (i = 0; i < NGX_KEEPERS_SCRIPTS; i++) {
        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, ngx_keepers_redis_script_text[i].data,
                        ngx_keepers_redis_script_text[i].len);
        ngx_sha1_final(sum, &sha1);

        p = ngx_cpymem(ngx_keepers_redis_heads[i], NGX_KEEPERS_REDIS_EVALSHA,
                       sizeof(NGX_KEEPERS_REDIS_EVALSHA) - 1);
        p = ngx_hex_dump(p, sum, sizeof(sum));

        ngx_memcpy(p, NGX_KEEPERS_REDIS_ONE_KEY,
                   sizeof(NGX_KEEPERS_REDIS_ONE_KEY) - 1);
    }
}


keepers_str_t
ngx_keepers_redis_script_digest(ngx_keepers_script_e script)
{
    return keepers_str(ngx_keepers_redis_heads[script]
                       + sizeof(NGX_KEEPERS_REDIS_EVALSHA) - 1,
                       NGX_KEEPERS_REDIS_DIGEST);
}


/* NGX_AGAIN, NGX_BUSY, NGX_ERROR: see the header. */

ngx_int_t
ngx_keepers_redis_eval(ngx_keepers_redis_t *redis, ngx_keepers_script_e script,
    ngx_uint_t keys, const keepers_str_t *argv, ngx_uint_t argc,
    ngx_keepers_redis_reply_t *reply, ngx_keepers_redis_done_pt done,
    void *data, ngx_keepers_redis_op_t **op)
{
    u_char                       head[NGX_KEEPERS_REDIS_CALL];
    ngx_keepers_redis_command_t  command;

    if (ngx_keepers_redis_script_call(&command, head, script, keys, argc)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    command.argv = argv;
    command.argc = argc;

    return ngx_keepers_redis_op_issue(redis, script + 1, &command, reply, done,
                                      data, op);
}


ngx_int_t
ngx_keepers_redis_eval_encoded(ngx_keepers_redis_t *redis,
    ngx_keepers_script_e script, ngx_uint_t keys, keepers_str_t encoded,
    ngx_uint_t argc, ngx_keepers_redis_reply_t *reply,
    ngx_keepers_redis_done_pt done, void *data, ngx_keepers_redis_op_t **op)
{
    u_char                       head[NGX_KEEPERS_REDIS_CALL];
    ngx_keepers_redis_command_t  command;

    if (ngx_keepers_redis_script_call(&command, head, script, keys, argc)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    command.tail = encoded;
    command.tailed = argc;

    return ngx_keepers_redis_op_issue(redis, script + 1, &command, reply, done,
                                      data, op);
}


/*
 * What a call begins with: EVALSHA, the digest, how many keys follow.
 * NGX_ERROR: there are too many keys or arguments, or fewer than keys.
 */

static ngx_int_t
ngx_keepers_redis_script_call(ngx_keepers_redis_command_t *command,
    u_char head[NGX_KEEPERS_REDIS_CALL], ngx_keepers_script_e script,
    ngx_uint_t keys, ngx_uint_t argc)
{
    u_char  *p;

    if (keys > argc || keys > NGX_KEEPERS_REDIS_KEYS_MAX
        || argc > NGX_KEEPERS_REDIS_ARGS_MAX)
    {
        return NGX_ERROR;
    }

    ngx_memzero(command, sizeof(ngx_keepers_redis_command_t));

    command->headed = 3;

    if (keys == 1) {
        command->head = keepers_str(ngx_keepers_redis_heads[script],
                                    NGX_KEEPERS_REDIS_HEAD_ONE);
        return NGX_OK;
    }

    p = ngx_cpymem(head, ngx_keepers_redis_heads[script],
                   NGX_KEEPERS_REDIS_HEAD);

    *p++ = '$';
    *p++ = (u_char) (keys > 9 ? '2' : '1');
    *p++ = CR;
    *p++ = LF;

    if (keys > 9) {
        *p++ = (u_char) ('0' + keys / 10);
    }

    *p++ = (u_char) ('0' + keys % 10);
    *p++ = CR;
    *p++ = LF;

    command->head = keepers_str(head, p - head);

    return NGX_OK;
}
