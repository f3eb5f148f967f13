"""Say the rules of `budget_rules.py` in Lua, so that a server applies them as one step."""

from __future__ import annotations

from typing import Final

__all__ = ["RULES", "SCRIPT"]

RULES: Final = """
local NEVER = -1000000
local floor, max, min, exp = math.floor, math.max, math.min, math.exp

local function reply(s, t, more)
  local ill = s.ill_since >= 0
  return {epoch = s.epoch, at = t, granted = more.granted or 0, delay = more.delay or 0,
    wait = more.wait or 0, hold = max(0, s.hold - t), rate = s.rate, alive = max(1, s.alive),
    ill = ill and t - s.ill_since or -1, probe = ill and max(0, s.probe_at - t) or 0}
end

local function in_flight(s)
  local sum = 0
  for _, m in pairs(s.members) do sum = sum + m.busy end
  return sum
end

local function bury(s, t)
  s.alive = 0
  for name, m in pairs(s.members) do
    if t - m.seen > 5 then s.members[name] = nil else s.alive = s.alive + 1 end
  end
  if not s.members[s.probe] then s.probe = '' end
end

local function begin_window(s, t)
  s.window, s.told = t, false
  s.remaining, s.reset = max(1, s.largest), t + max(1, s.period)
end

local function roll_over(s, t)
  if s.remaining >= 0 and t >= s.reset + 0.05 then begin_window(s, t) end
end

local function recover(s, good, ceiling, t)
  if s.began == NEVER then s.began = t end
  if s.rate > 0 then
    s.rate = s.rate * (1 + 0.03 * min(1, max(0, t - s.grew)))
    s.grew = max(t, s.grew)
  end
  if in_flight(s) + good >= floor(s.limit) and floor(s.limit) < ceiling then
    s.limit = min(ceiling, s.limit + (s.shrunk and 0.05 or 0.5) * good)
  end
end

local function refuse(s, ask, t, sent)
  if sent > s.cut_at then
    if t - s.refused_at > 8 then s.cuts = 0 end
    local busy = in_flight(s)
    local limit = min(ask.ceiling, floor(s.limit))
    local over = max(1, t - s.began)
    local measured = s.flow / (3 * (1 - exp(-over / 3)))
    if ask.hold < 10 and busy + 1 >= limit and limit > 1 and s.cuts < 2 then
      s.cuts, s.shrunk = s.cuts + 1, true
      s.limit = max(1, busy)
      if s.rate <= 0 then s.rate = measured end
    elseif measured > 0 then
      s.rate = max(0.2, 0.9 * measured)
    end
    s.grew = t + (ask.hold >= 10 and 2 * ask.hold or 0)
    s.cut_at = t
  end
  s.refused_at = t
end

local function count(s, remaining, reset, sent, t)
  if s.told and sent + reset - 1 > s.reset then
    begin_window(s, t)
  elseif sent < s.window then
    s.remaining = max(0, s.remaining - 1)
    return
  end
  s.period = max(s.period, reset)
  s.largest = max(s.largest, remaining + 1)
  if not s.told then s.told, s.remaining, s.reset = true, remaining, t + reset end
  s.remaining = min(s.remaining, remaining)
  s.reset = min(s.reset, t + reset)
end

local function judge_health(s, ask, t)
  if ask.good > 0 or ask.refused >= 0 then
    s.ill_since, s.probe = -1, ''
  elseif ask.ill >= 0 then
    if s.ill_since < 0 then s.ill_since = t end
    s.probe_at = max(s.probe_at, t + ask.ill)
  elseif s.ill_since >= 0 and ask.failed > 0 and s.probe == ask.member then
    s.probe_at = t + (t - s.ill_since >= 120 and 60 or 5)
  end
  local ended = ask.failed > 0 or ask.ill >= 0 or ask.busy <= 0
  if ended and s.probe == ask.member then s.probe = '' end
end

local function learn(s, ask, t)
  local told = ask.epoch == s.epoch and ask.at >= 0 and ask.at < t and ask.at or t
  if s.rate <= 0 then s.rate = ask.rate end
  s.flow = s.flow * exp((s.flow_at - t) / 3) + ask.good
  s.flow_at = t
  if ask.good > 0 then recover(s, ask.good, ask.ceiling, t) end
  if ask.hold > 0 then s.hold = max(s.hold, t + ask.hold) end
  if ask.refused >= 0 then refuse(s, ask, t, told - ask.refused) end
  for _, heard in ipairs(ask.quota) do count(s, heard[1], heard[2], told - heard[3], t) end
  if s.remaining > 0 then s.remaining = max(0, s.remaining - ask.lost) end
  judge_health(s, ask, t)
end

local function water_level(limit, demands)
  local left, level, before = limit, 0, 0
  for number, demand in ipairs(demands) do
    local sharing = #demands - number + 1
    if (demand - before) * sharing > left then return level + left / sharing end
    left = left - (demand - before) * sharing
    level, before = demand, demand
  end
  return level
end

local function share(s, member, limit, t)
  local demands = {}
  for _, m in pairs(s.members) do demands[#demands + 1] = m.busy + m.want end
  table.sort(demands)
  local level = floor(water_level(limit, demands))
  local own = min(level, member.busy + member.want) - member.busy
  if own > 0 then return own end
  local owed, waits_longer = 0, false
  for _, m in pairs(s.members) do
    if m ~= member and t - m.seen <= 1 then
      owed = owed + max(0, min(level, m.busy + m.want) - m.busy)
      if m.want > 0 and m.busy <= member.busy and m.last < member.last then waits_longer = true end
    end
  end
  if limit - in_flight(s) - owed > 0 and not waits_longer then return 1 end
  return 0
end

local function lease(s, member, starts, t)
  local delay = 0
  if s.rate > 0 then
    local hungry = 0
    for _, m in pairs(s.members) do if m.want > 0 then hungry = hungry + 1 end end
    starts = min(starts, max(1, floor(0.1 * s.rate / hungry)))
    local turn = max(s.tat, t - 1 / s.rate)
    delay = max(0, turn - t)
    s.tat = turn + starts / s.rate
  end
  member.busy = member.busy + starts
  member.want = member.want - starts
  member.last = t
  return reply(s, t, {granted = starts, delay = delay})
end

local function grant(s, ask, member, t)
  if ask.want <= 0 then return reply(s, t, {wait = 1}) end
  local closed = max(s.quiet, s.hold)
  if closed > t then return reply(s, t, {wait = closed - t}) end
  if s.ill_since >= 0 then
    if s.probe_at > t or s.probe ~= '' then
      return reply(s, t, {wait = max(0.03, min(1, s.probe_at - t))})
    end
    s.probe = ask.member
    return lease(s, member, 1, t)
  end
  local busy = in_flight(s)
  local limit = min(ask.ceiling, floor(s.limit))
  if s.remaining >= 0 then
    local left = s.remaining - busy
    if left <= 0 then return reply(s, t, {wait = max(0.03, min(1, s.reset + 0.05 - t))}) end
    limit = min(limit, busy + left)
  end
  local starts = min(ask.want, limit - busy, share(s, member, limit, t))
  if starts > 0 then return lease(s, member, starts, t) end
  return reply(s, t, {wait = 0.03})
end

local function born(ask, now)
  return {born = now, epoch = string.format('%s:%.3f', ask.member, now), seen = 0, members = {},
    quiet = 0, rate = 0, tat = NEVER, grew = 0, flow = 0, flow_at = 0, began = NEVER, limit = 4,
    shrunk = false, cuts = 0, cut_at = NEVER, refused_at = NEVER, hold = NEVER, ill_since = -1,
    probe_at = NEVER, probe = '', remaining = -1, reset = 0, window = NEVER, period = 0,
    largest = 0, told = false}
end

local function settle(s, ask, now)
  if s then
    local since = now - s.born - s.seen
    if since > 3600 or since < -60 then s = nil end
  end
  if not s then s = born(ask, now) end
  local t = max(now - s.born, s.seen)
  s.seen = t
  if ask.epoch ~= '' and ask.epoch ~= s.epoch and t <= 1 then s.quiet = 1 end
  bury(s, t)
  if ask.leaves then
    if s.members[ask.member] then s.alive, s.members[ask.member] = s.alive - 1, nil end
    return s, reply(s, t, {wait = 1})
  end
  local member = s.members[ask.member]
  if not member then
    member = {last = NEVER}
    s.alive, s.members[ask.member] = s.alive + 1, member
  end
  member.seen, member.busy, member.want = t, ask.busy, ask.want
  roll_over(s, t)
  learn(s, ask, t)
  return s, grant(s, ask, member, t)
end

local function exchange(key, text, now)
  local found, ask = redis.call('GET', key), cjson.decode(text)
  local function try(known)
    local s, answer = settle(known and cjson.decode(known), ask, now)
    s.alive = nil
    return cjson.encode(s), cjson.encode(answer)
  end
  -- What makes no sense counts as forgotten.
  local made_sense, state, answer = pcall(try, found)
  if not made_sense then state, answer = try(false) end
  redis.call('SET', key, state, 'EX', 3600)
  return answer
end
"""
"""`exchange(key, ask, now)`; numbers stand where the rules in Python name their constants."""

SCRIPT: Final = f"""{RULES}
local time = redis.call('TIME')
return exchange(KEYS[1], ARGV[1], time[1] + time[2] / 1000000)
"""
"""One exchange on the server's own clock."""
