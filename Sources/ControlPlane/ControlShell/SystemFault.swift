internal import CLinux
internal import Glibc

/// A system call that failed: which, on what, and what the kernel said.
package struct SystemFault: Error, Equatable, Sendable {
    package var operation: String
    package var subject: String
    package var number: Int32

    init(_ operation: String, _ subject: String, number: Int32 = Glibc.errno) {
        self.operation = operation
        self.subject = subject
        self.number = number
    }

    /// `cannot bind :8080: Address already in use`.
    package var text: String { "cannot \(operation) \(subject): \(SystemFault.text(number))" }

    /// The words of an error number.
    package static func text(_ number: Int32) -> String {
        guard let text = strerror(number) else { return "error \(number)" }
        return String(cString: text)
    }
}
