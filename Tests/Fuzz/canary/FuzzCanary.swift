import FuzzRig

/// A target with a planted fault, three guided steps deep: the rig is believed only while it finds this.
@main enum FuzzCanary {
    static func main() { FuzzRig.run(fuzzCanary) }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCanary(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, count >= 3 else { return 0 }
    if data[0] == 0x43 {
        if data[1] == 0x41 {
            precondition(data[2] != 0x4E, "the canary sings")
        }
    }
    return 0
}
