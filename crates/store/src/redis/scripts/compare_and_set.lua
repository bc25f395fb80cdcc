-- KEYS: the conversation. ARGV: ttl in ms, how to compare, with what, text; without a text it deletes.
-- Returns 0, or why nothing was changed.
local why = refusal(ARGV[2], ARGV[3], ARGV[4])
if why then return why end
store(ARGV[4], tonumber(ARGV[1]))
return 0
