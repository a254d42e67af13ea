import Glibc
import Logging
import NIOCore
import NIOPosix
import Redis
import Settings
import StoreVocabulary
import Synchronization

// Keeps a connection to the first store of a configuration and says what it is told, one line for each event:
//
//     up 1 · down … · tracking-lost · tracking-up · changed KEY … · flushed · answered ID REPLY … · failed ID …
//
// Standard input holds batches, `ID MILLISECONDS WORD … | WORD …`: commands are separated by bars. It ends with it.

/// Lines of several threads, one at a time.
let output = Mutex(())

@Sendable func say(_ line: String) {
    output.withLock { _ in
        var line = line + "\n"
        line.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
    }
}

func text(_ failure: StoreFailure) -> String {
    switch failure {
    case .notConnected: "not-connected"
    case .deadline: "deadline"
    case .lost: "lost"
    case .overloaded: "overloaded"
    case .refused(let text): "refused: \(text)"
    }
}

func text(_ reply: StoreReply) -> String {
    switch reply {
    case .none: "-"
    case .status(let text): "+\(text)"
    case .fault(let text): "!\(text)"
    case .number(let number): "\(number)"
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .list(let list): "[\(list.map(text).joined(separator: " "))]"
    }
}

@Sendable func tell(_ event: StoreEvent) {
    switch event {
    case .up(_, let version): say("up \(version)")
    case .down(_, let failure): say("down \(text(failure))")
    case .trackingLost: say("tracking-lost")
    case .trackingUp: say("tracking-up")
    case .changed(_, let keys):
        say("changed \(keys.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " "))")
    case .flushed: say("flushed")
    case .answered(_, let batch, .replies(let replies)):
        say("answered \(batch) \(replies.map(text).joined(separator: " "))")
    case .answered(_, let batch, .failed(let failure)): say("failed \(batch) \(text(failure))")
    }
}

func batch(_ line: String) -> StoreBatch? {
    let words = line.split(separator: " ")
    guard words.count >= 3, let id = UInt64(words[0]), let milliseconds = Int(words[1]), milliseconds > 0 else {
        return nil
    }
    let commands = words.dropFirst(2).split(separator: "|").map { command in
        StoreCommand(words: command.map { Array($0.utf8) })
    }
    return commands.isEmpty ? nil : StoreBatch(id: id, commands: commands, deadlineMilliseconds: milliseconds)
}

/// The whole of a file; nil when it cannot be read.
func contents(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}

guard CommandLine.arguments.count == 2, let configuration = contents(CommandLine.arguments[1]) else {
    say("fault: StoreProbe FILE")
    exit(64)
}
do {
    let server = try ConfigurationReader.server(text: configuration, fileName: CommandLine.arguments[1])
    guard let settings = server.stores.first else {
        say("fault: no store is configured")
        exit(64)
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let store = try RedisStore(
        StoreID(0), settings, group: group, logger: Logger(label: "probe") { _ in SwiftLogNoOpLogHandler() },
        random: { UInt64(truncatingIfNeeded: getpid()) })
    say("ready")
    store.start(report: tell)
    while let line = readLine() {
        if let batch = batch(line) { store.submit(batch) } else { say("fault: no batch: \(line)") }
    }
    store.stop()
    try await group.shutdownGracefully()
} catch {
    say("fault: \(error)")
    exit(1)
}
