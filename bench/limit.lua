--
-- Copyright (C) Keepers
--
-- A limit in Lua over Redis, as tuned as we can: kept connections, one EVALSHA
-- of a GCRA script by Redis' time, the shortest that we can write.  Called by
-- access_by_lua_file; limits.pl measures the script alone.

local redis = require "nginx.redis"

local script = [[
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local tat = tonumber(redis.call('GET', KEYS[1]) or 0)
if tat < now then tat = now end
local new = tat + ARGV[1]
if new - now > tonumber(ARGV[2]) then return now - new + ARGV[2] end
redis.call('SET', KEYS[1], new, 'PX', math.ceil((new - now) / 1000))
return 0
]]

local client = redis:new()

client:set_timeout(1000)

if not client:connect("unix:" .. ngx.var.bench_redis, { pool = "limits" })
then
    return ngx.exit(503)
end

if not limit_sha then
    limit_sha = client:script("load", script)
end

local verdict, err = client:evalsha(limit_sha, 1,
                                    "lua:l:" .. ngx.var.binary_remote_addr,
                                    1, 1000000)

if not verdict then
    return ngx.exit(503)
end

client:set_keepalive(60000, 256)

if verdict < 0 then
    return ngx.exit(429)
end
