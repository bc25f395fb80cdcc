-- Returns why nothing may be written; nil if it may. What is stored already is no conflict. 'X': anything may be there;
-- 'A': nothing is; 'T': this text is; 'H': a text with this SHA-1 is.
local function refusal(how, expected, text)
  local current = redis.pcall('GET', KEYS[1])
  -- A list or the like is another text.
  if type(current) == 'table' then current = '' end
  if how == 'X' then return nil end
  if not current then
    if how == 'A' or not text then return nil end
    return 'deleted'
  end
  if (how == 'T' and current == expected) or (how == 'H' and redis.sha1hex(current) == expected) or current == text then
    return nil
  end
  return 'changed'
end

local function store(text, ttl)
  if not text then redis.call('DEL', KEYS[1])
  elseif ttl == 0 then redis.call('SET', KEYS[1], text)
  else redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', ttl)) end
end
