-- ARGV: ..., patience, waited, '1' to return the state. Returns {1, waiting, state or nil}, or {0, ahead, waiting}.
if not mine then
  local arrived, place, ahead = now - tonumber(ARGV[4]), nil, 0
  for _, entry in ipairs(waiting) do if entry[1] == me then place = entry arrived = entry[3] end end
  for _, entry in ipairs(waiting) do
    if entry ~= place and (entry[3] < arrived or (entry[3] == arrived and entry[1] < me)) then ahead = ahead + 1 end
  end
  if holder or ahead > 0 then
    local patience = tonumber(ARGV[3])
    if patience > 0 then
      if not place then place = {me, 0, arrived, 0} waiting[#waiting + 1] = place end
      place[2] = now + patience
      put()
    end
    return {0, ahead, #waiting}
  end
end
local state = false
if ARGV[5] == '1' then
  state = redis.pcall('GET', KEYS[1])
  -- The lock is not taken: whoever wants it learns why nothing can be loaded.
  if type(state) == 'table' then return state end
end
hold(mine and holder[4] or 0)
return {1, #waiting, state}
