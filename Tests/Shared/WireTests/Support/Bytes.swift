import Foundation

@testable import Wire

/// The bytes of a hexadecimal text; blanks are ignored.
func hex(_ text: String) -> [UInt8] {
    let digits = text.utf8.filter { $0 != 0x20 && $0 != 0x0A }.map { HTTPBytes.hexValue($0)! }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// The bytes of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The text of bytes, for messages.
func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// Lets `body` write into `capacity` bytes; what it wrote, or nil when it says that they were too few.
func writing(_ capacity: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int?) -> [UInt8]? {
    var memory = [UInt8](repeating: 0xEE, count: capacity)
    let count = memory.withUnsafeMutableBytes { body($0) }
    return count.map { Array(memory[..<$0]) }
}

/// The ways a conversation is cut for split tests: whole, at every byte, and byte by byte.
func cuts(of bytes: [UInt8]) -> [[[UInt8]]] {
    var all: [[[UInt8]]] = [[bytes], bytes.map { [$0] }]
    for cut in 0...bytes.count { all.append([Array(bytes[..<cut]), Array(bytes[cut...])]) }
    return all
}
