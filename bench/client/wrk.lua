-- What wrk sends, from the arguments after "--": METHOD BODY NAME VALUE NAME VALUE ...
-- and what it reports: one line of JSON, with the CPU time of wrk itself. There is no `request` function
-- on purpose: without one wrk builds the bytes once and does not ask Lua for each request.

function init(args)
  wrk.method = args[1]
  if args[2] ~= "" then wrk.body = args[2] end
  for i = 3, #args, 2 do
    wrk.headers[args[i]] = args[i + 1]
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  print(string.format(
    'bench {"requests":%d,"seconds":%.6f,"cpuSeconds":%.6f,"errors":%d,"bytes":%d,"p50Us":%.1f,"p99Us":%.1f}',
    summary.requests, summary.duration / 1e6, os.clock(), e.connect + e.read + e.write + e.status + e.timeout,
    summary.bytes, latency:percentile(50), latency:percentile(99)))
end
