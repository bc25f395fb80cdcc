-- ARGV: ..., 'T', ttl in ms and a time of the server's clock, or 'H', the SHA-1 of the text and '', or 'E' and the text; '1' to remove it. Removes what
-- was saved and touched before the time, or what has still that text. Returns what it found: 'old', 'kept', 'unknown' or 'gone'.
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return 'gone' end
if holder then return 'kept' end
if ARGV[3] == 'T' then
  if left < 0 then return 'unknown' end
  -- Read behind what is left: earlier, a conversation would seem to be older than it is.
  local later = redis.call('TIME')
  if later[1] * 1000 + math.floor(later[2] / 1000) + left - tonumber(ARGV[4]) >= tonumber(ARGV[5]) then return 'kept' end
else
  local text = redis.pcall('GET', KEYS[1])
  if type(text) ~= 'string' then return 'kept' end
  if ARGV[3] == 'H' then text = redis.sha1hex(text) end
  if text ~= ARGV[4] then return 'kept' end
end
if ARGV[6] == '1' then redis.call('DEL', KEYS[1]) end
return 'old'
