import Foundation

/// A directory with known files, removed at the end:
///
///     a.txt  page.html  b & <c>.bin  empty  sub/index.html  sub/deep/x.txt  listed/…  secret.txt is *beside* it
///     in -> a.txt   out -> ../secret.txt   outdir -> ..   absolute -> /etc/hostname   loop -> loop
final class TemporaryTree: Sendable {
    let parent: String
    let root: String

    init() throws {
        let files = FileManager.default
        parent = NSTemporaryDirectory() + "culvert-files-" + UUID().uuidString
        root = parent + "/root"
        for directory in ["", "/sub", "/sub/deep", "/listed"] {
            try files.createDirectory(atPath: root + directory, withIntermediateDirectories: true)
        }
        for (name, text) in [
            ("a.txt", "0123456789"), ("page.html", "<p>"), ("b & <c>.bin", "bin"), ("empty", ""),
            ("sub/index.html", "index"), ("sub/deep/x.txt", "x"), ("listed/z'\".txt", "z"), ("listed/a:b", "ab"),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: root + "/" + name))
        }
        try Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }).write(
            to: URL(fileURLWithPath: root + "/big"))
        try Data("secret".utf8).write(to: URL(fileURLWithPath: parent + "/secret.txt"))
        for (name, target) in [
            ("in", "a.txt"), ("out", "../secret.txt"), ("outdir", ".."), ("absolute", parent + "/secret.txt"),
            ("loop", "loop"), ("indir", "sub"),
        ] {
            try files.createSymbolicLink(atPath: root + "/" + name, withDestinationPath: target)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: parent) }
}
