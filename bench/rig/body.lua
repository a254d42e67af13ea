-- For wrk: compares every body with the file named by BODY, and prints what was counted as one line of JSON.
local threads = {}

function setup(thread) table.insert(threads, thread) end

function init()
    local file = assert(io.open(os.getenv("BODY"), "rb"))
    expected = file:read("*a")
    file:close()
    wrong, right = 0, 0
end

function response(status, headers, body)
    if status == 200 and body == expected then right = right + 1 else wrong = wrong + 1 end
end

function done(summary, latency, rates)
    local wrong, right = 0, 0
    for _, thread in ipairs(threads) do
        wrong, right = wrong + thread:get("wrong"), right + thread:get("right")
    end
    local e = summary.errors
    print(string.format(
        '{"requests": %d, "right": %d, "errors": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d}', summary.requests,
        right, wrong + e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6,
        latency:percentile(50), latency:percentile(99)))
end
