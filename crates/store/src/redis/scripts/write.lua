-- ARGV: ..., number of the write, ttl in ms, how to compare, with what, text; without a text it deletes.
-- Returns how many wait, or why nothing was changed.
if holder and not mine then return 'locked' end
local number, ttl, text = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[7]
-- One that was done is sent again: its reply was lost.
if not (mine and holder[4] >= number) then
  local why = refusal(ARGV[5], ARGV[6], text)
  if why then return why end
  if ttl > 0 and ttl < lease then ttl = lease end
  store(text, ttl)
end
hold(math.max(number, mine and holder[4] or 0))
return #waiting
