import Foundation

#if FUZZING
    @_silgen_name("LLVMFuzzerRunDriver")
    private func runDriver(
        _ count: UnsafeMutablePointer<CInt>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    ) -> CInt
#endif

/// Runs a fuzz target: under libFuzzer when built with its sanitizer (`-DFUZZING`), else over the files and folders
/// named on the command line, once each, which makes every corpus a regression test on any build.
package enum FuzzRig {
    package typealias Target = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

    package static func run(_ target: Target) {
        #if FUZZING
            var count = CommandLine.argc
            var arguments = CommandLine.unsafeArgv
            exit(runDriver(&count, &arguments, target))
        #else
            var replayed = 0
            for argument in CommandLine.arguments.dropFirst() {
                for path in files(at: argument) {
                    guard let input = FileManager.default.contents(atPath: path) else {
                        print("\(path): cannot be read")
                        exit(1)
                    }
                    let bytes = Array(input)
                    _ = bytes.withUnsafeBufferPointer { target($0.baseAddress, $0.count) }
                    replayed += 1
                }
            }
            print("\(replayed) inputs replayed")
        #endif
    }

    private static func files(at path: String) -> [String] {
        var isFolder = ObjCBool(false)
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return [path]
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.sorted().map { "\(path)/\($0)" }
    }
}
