--
-- Copyright (C) Keepers
--
-- The tuned Lua way that our session check is compared to: kept connections,
-- one GET, cjson.  Called by access_by_lua_file.

local redis = require "nginx.redis"
local cjson = require "cjson.safe"

local token = ngx.var.cookie_keepers

if not token or #token ~= 57 then
    return ngx.exit(401)
end

local client = redis:new()

client:set_timeout(1000)

if not client:connect("unix:" .. ngx.var.bench_redis, { pool = "sessions" })
then
    return ngx.exit(503)
end

local text, err = client:get("lua:s:" .. token)

if not text then
    return ngx.exit(503)
end

client:set_keepalive(60000, 64)

if text == ngx.null then
    return ngx.exit(401)
end

local session = cjson.decode(text)

if not session or session.absolute <= ngx.time() then
    return ngx.exit(401)
end

ngx.ctx.user = session.user
