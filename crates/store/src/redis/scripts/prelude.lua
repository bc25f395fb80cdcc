-- KEYS: the conversation, its lock. ARGV: owner, lease, and what the script takes besides. Times are in ms.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local me, lease = ARGV[1], tonumber(ARGV[2])
local holder, waiting = nil, {}
for kind, owner, ends, other, writes in string.gmatch(redis.call('GET', KEYS[2]) or '', '(%u) (%S+) (%d+) (%d+) (%d+)\n') do
  local entry = {owner, tonumber(ends), tonumber(other), tonumber(writes)}
  if kind == 'H' then
    if entry[2] > now and entry[2] <= now + entry[3] then holder = entry end
  elseif entry[2] > now and entry[2] <= now + 60000 then waiting[#waiting + 1] = entry end
end
local mine = holder and holder[1] == me

local function put()
  local lines, last = {}, now
  local function add(kind, entry)
    -- tostring() would lose digits.
    lines[#lines + 1] = string.format('%s %s %.0f %.0f %.0f\n', kind, entry[1], entry[2], entry[3], entry[4])
    if entry[2] > last then last = entry[2] end
  end
  if holder then add('H', holder) end
  for _, entry in ipairs(waiting) do add('W', entry) end
  if #lines == 0 then redis.call('DEL', KEYS[2])
  else redis.call('SET', KEYS[2], table.concat(lines), 'PX', string.format('%.0f', last - now)) end
end

local function forget()
  for i = #waiting, 1, -1 do if waiting[i][1] == me then table.remove(waiting, i) end end
  if holder and holder[1] == me then holder = nil end
end

-- While it is locked, the conversation does not expire.
local function hold(writes)
  local left = redis.call('PTTL', KEYS[1])
  forget()
  holder = {me, now + lease, lease, writes}
  put()
  if left >= 0 and left < lease then redis.call('PEXPIRE', KEYS[1], lease) end
end
