package import StoreVocabulary

/// The scripts that run inside Redis, where several commands have to be one: each does a batch of the same thing, as one
/// command.
///
/// The store's user needs `EVAL`, and besides what the scripts call: `MGET`, `HGETALL`, `SET`, `GET`.
package enum StoreScript {
    /// Claims names and renews them, which is the same: `SET … EX … NX`, and where that fails `GET` decides. KEYS: names.
    /// ARGV: seconds, then the tunnel of each name. For each name: 1 new, 2 ours already (and renewed), or whose it is; a
    /// name that its operator wrote without an expiry is left without one.
    package static let claim = """
        local answers = {}
        for i, key in ipairs(KEYS) do
          local own = ARGV[i + 1]
          if redis.call('SET', key, own, 'EX', ARGV[1], 'NX') then
            answers[i] = 1
          else
            local value = redis.pcall('GET', key)
            if value == own then
              if redis.call('TTL', key) >= 0 then redis.call('EXPIRE', key, ARGV[1]) end
              answers[i] = 2
            elseif type(value) == 'string' then
              answers[i] = value
            else
              answers[i] = ''
            end
          end
        end
        return answers
        """

    /// Gives up names that are unchanged, have an expiry, and were renewed by nobody since we did last. KEYS: names. ARGV:
    /// for each its tunnel and the most milliseconds that it may have left. The number of those given up.
    package static let release = """
        local count = 0
        for i, key in ipairs(KEYS) do
          if redis.pcall('GET', key) == ARGV[2 * i - 1] then
            local left = redis.call('PTTL', key)
            if left >= 0 and left <= tonumber(ARGV[2 * i]) then
              redis.call('DEL', key)
              count = count + 1
            end
          end
        end
        return count
        """

    /// Registers and renews connectors: `HSET` and `EXPIRE` of each tunnel. KEYS: tunnels. ARGV: seconds, 1 when it is
    /// news (others are told under `culvert:change:<tunnel>`, a key that is gone at once), then for each tunnel the number
    /// of words that follow, fields and values. The number of tunnels written.
    package static let register = """
        local at, count = 3, 0
        for i, key in ipairs(KEYS) do
          local words = tonumber(ARGV[at])
          local done = redis.pcall('HSET', key, unpack(ARGV, at + 1, at + words))
          if type(done) == 'number' then
            redis.call('EXPIRE', key, ARGV[1])
            count = count + 1
            if ARGV[2] == '1' then
              redis.call('SET', 'culvert:change:' .. key, '1')
              redis.call('DEL', 'culvert:change:' .. key)
            end
          end
          at = at + words + 1
        end
        return count
        """

    /// Removes connectors and tells others. KEYS: tunnels, one for each connector. ARGV: connectors. The number removed.
    package static let leave = """
        local count = 0
        for i, key in ipairs(KEYS) do
          if redis.pcall('HDEL', key, ARGV[i]) == 1 then
            count = count + 1
            redis.call('SET', 'culvert:change:' .. key, '1')
            redis.call('DEL', 'culvert:change:' .. key)
          end
        end
        return count
        """

    /// What a key begins with by which a change of a tunnel's connectors is told.
    package static let changePrefix = "culvert:change:"

    /// The command that runs a script.
    package static func command(_ script: String, keys: [[UInt8]], _ arguments: [[UInt8]]) -> StoreCommand {
        StoreCommand(words: [Array("EVAL".utf8), Array(script.utf8), Array("\(keys.count)".utf8)] + keys + arguments)
    }
}
