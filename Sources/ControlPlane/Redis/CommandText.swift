internal import CHiredis
internal import NIOCore
internal import StoreVocabulary

/// Commands as they go to a server: hiredis' formatter.
enum CommandText {
    /// What a command takes at most, so that its size can be judged before it is written: every word behind its length.
    static func bytesMax(_ command: StoreCommand) -> Int {
        command.words.reduce(16) { $0 + $1.count + 16 }
    }

    /// The commands one behind the other.
    static func buffer(_ commands: [StoreCommand]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(commands.reduce(0) { $0 + bytesMax($1) })
        for command in commands { append(command, to: &buffer) }
        return buffer
    }

    private static func append(_ command: StoreCommand, to buffer: inout ByteBuffer) {
        let lengths = command.words.map(\.count)
        let all = [UInt8](command.words.joined())
        all.withUnsafeBytes { raw in
            let bytes = raw.assumingMemoryBound(to: CChar.self)
            var words: [UnsafePointer<CChar>?] = []
            var start = 0
            for length in lengths {
                words.append(bytes.baseAddress.map { $0 + start })
                start += length
            }
            var text: UnsafeMutablePointer<CChar>?
            let count = redisFormatCommandArgv(&text, numericCast(words.count), &words, lengths)
            guard count >= 0, let text else { fatalError("out of memory") }
            buffer.writeBytes(UnsafeRawBufferPointer(start: text, count: Int(count)))
            redisFreeCommand(text)
        }
    }
}
