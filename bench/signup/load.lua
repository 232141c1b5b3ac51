-- Copyright (C) Keepers

-- Signups for wrk: no two have an address or a key in common; one in three
-- gives a phone number.  BENCH_RUN tells the runs apart.

local head = "n" .. os.getenv("BENCH_RUN") .. "."
local n = 0

local threads = 0

function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
end

function request()
    n = n + 1

    local key = head .. id .. "." .. n
    local phone = n % 3 == 0
                  and string.format(',"phone":"020 7946 %04d"', n % 10000)
                  or ""

    return wrk.format("POST", nil, {
        ["Content-Type"] = "application/json",
        ["Idempotency-Key"] = "key-" .. key .. "-0000000000"
    }, '{"name":"Ada Lovelace","email":"' .. key .. '@mail.example"'
       .. phone .. ',"consent_email":true,"locale":"en"}')
end

function done(summary, latency, requests)
    local e = summary.errors

    io.write(string.format("bench %d %d %.0f %.0f %d %d\n",
        summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), e.status,
        e.connect + e.read + e.write + e.timeout))
end
