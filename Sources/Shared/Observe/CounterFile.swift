internal import Model

/// Why a memory file does not hold counters that can be read.
package enum CounterFileFault: Error, Equatable, Sendable {
    case tooShort
    case notCounters
    case unknownLayout(UInt64)
    case sections
}

/// The counters of a data plane as a memory file, which the data plane makes and hands over with its hello.
///
/// ```
///  0  magic "CULVERTC"   8  layout u64 (1)        16  workers u64        24  words per page u64
/// 32  page bytes u64    40  first page u64        48  names bytes u64    56  zero
/// 64  names: one line per word; "reason:…" for the refusals
///     then, at a multiple of 4,096, one page per worker: u64 words in the machine's byte order
/// ```
///
/// The names are in the file so that the counters of an older or newer data plane can be read.
package enum CounterFile {
    /// Announced in the hello; a reader refuses others.
    package static let layout: UInt16 = 1
    static let magic: UInt64 = 0x4354_5245_564C_5543
    static let headerBytes = 64
    static let pageBytes = 4_096
    static let reasonPrefix = "reason:"

    static var names: [String] {
        Counter.allCases.map(\.label) + Reason.allCases.map { reasonPrefix + $0.label }
    }

    private static func firstPage(namesBytes: Int) -> Int {
        (headerBytes + namesBytes + pageBytes - 1) / pageBytes * pageBytes
    }

    /// Size of the file for `workers` (1 … `WorkerIndex.countMax`).
    package static func bytes(workers: Int) -> Int {
        precondition(workers >= 1 && workers <= WorkerIndex.countMax)
        let namesBytes = names.reduce(0) { $0 + $1.utf8.count + 1 }
        return firstPage(namesBytes: namesBytes) + workers * pageBytes
    }

    /// Writes header and names into zeroed memory of `bytes(workers:)` and gives every worker its page.
    package static func format(_ memory: UnsafeMutableRawBufferPointer, workers: Int) -> [CounterPage] {
        precondition(memory.count >= bytes(workers: workers))
        precondition(Counter.allCases.count == Counter.count)
        let text = Array(names.joined(separator: "\n").utf8) + [UInt8(ascii: "\n")]
        let words = Counter.count + Reason.allCases.count
        precondition(words * 8 <= pageBytes)
        let first = firstPage(namesBytes: text.count)
        let header: [UInt64] = [
            magic, UInt64(layout), UInt64(workers), UInt64(words), UInt64(pageBytes), UInt64(first), UInt64(text.count),
        ]
        for (index, word) in header.enumerated() {
            memory.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
        }
        for (index, byte) in text.enumerated() { memory[headerBytes + index] = byte }
        return (0..<workers).map { worker in
            let page = memory.baseAddress! + first + worker * pageBytes
            return CounterPage(words: page.bindMemory(to: UInt64.self, capacity: words))
        }
    }
}

/// The reader's side of a `CounterFile`: names and values, whichever build wrote them.
package struct CounterFileView: @unchecked Sendable {
    private let pages: UnsafeRawPointer
    private let pageBytes: Int
    package let workers: Int
    /// Names of the plain counters and their word in a page.
    package let counters: [(name: String, word: Int)]
    /// Labels of the reasons and their word in a page.
    package let reasons: [(name: String, word: Int)]

    /// `file` has to stay mapped while the view is used.
    package init(_ file: UnsafeRawBufferPointer) throws(CounterFileFault) {
        guard let base = file.baseAddress, file.count >= CounterFile.headerBytes else { throw .tooShort }
        func word(_ index: Int) -> UInt64 { base.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
        guard word(0) == CounterFile.magic else { throw .notCounters }
        guard word(1) == UInt64(CounterFile.layout) else { throw .unknownLayout(word(1)) }
        let size = UInt64(file.count)
        let workers = word(2), words = word(3), pageBytes = word(4), first = word(5), namesBytes = word(6)
        guard workers >= 1, workers <= UInt64(WorkerIndex.countMax), pageBytes % 8 == 0, pageBytes <= 1 << 20,
            words <= pageBytes / 8, namesBytes <= size, first % 8 == 0, first <= size,
            UInt64(CounterFile.headerBytes) + namesBytes <= first, (size - first) / max(pageBytes, 1) >= workers
        else { throw .sections }
        let text = UnsafeRawBufferPointer(
            rebasing: file[CounterFile.headerBytes..<(CounterFile.headerBytes + Int(namesBytes))])
        let names = text.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        guard UInt64(names.count) == words else { throw .sections }
        var counters: [(name: String, word: Int)] = [], reasons: [(name: String, word: Int)] = []
        for (word, name) in names.enumerated() {
            if name.hasPrefix(CounterFile.reasonPrefix) {
                reasons.append((String(name.dropFirst(CounterFile.reasonPrefix.count)), word))
            } else {
                counters.append((name, word))
            }
        }
        self.counters = counters
        self.reasons = reasons
        self.workers = Int(workers)
        self.pageBytes = Int(pageBytes)
        pages = base + Int(first)
    }

    /// One word of one worker's page.
    package func value(word: Int, worker: Int) -> UInt64 {
        precondition(worker >= 0 && worker < workers && word >= 0 && word * 8 < pageBytes)
        return pages.load(fromByteOffset: worker * pageBytes + word * 8, as: UInt64.self)
    }

    /// The sum of one word over all workers.
    package func sum(word: Int) -> UInt64 { (0..<workers).reduce(0) { $0 &+ value(word: word, worker: $1) } }
}
