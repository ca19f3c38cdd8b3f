import CostModel
import Messages
import Testing

@Suite struct DeviceCatalogueTests {
  @Test func namesAndAliasesAreUnique() {
    let names = DeviceCatalogue.all.flatMap { [$0.name] + $0.aliases }.map { $0.lowercased() }
    #expect(Set(names).count == names.count)
    #expect(DeviceCatalogue.all.count == 14)
  }

  @Test func figuresAreInTheirUnits() {
    for device in DeviceCatalogue.all {
      #expect((20_000_000_000...200_000_000_000).contains(device.memoryBytes), "\(device.name)")
      #expect((3e11...8e12).contains(device.memoryBandwidth), "\(device.name)")
      #expect((7e13...2.3e15).contains(device.tensorRate), "\(device.name)")
      #expect((3.2e10...6.4e10).contains(device.pcieBandwidth), "\(device.name)")
      #expect(device.linkBandwidth.map { (3e11...9e11).contains($0) } ?? true, "\(device.name)")
    }
  }

  @Test(arguments: [
    ("a100_sxm", "a100-80gb"), ("h100_sxm", "h100-sxm"), ("h200_sxm", "h200-sxm"),
    ("b200_sxm", "b200"), ("RTXPRO6000", "rtx-pro-6000"), ("NVIDIA B200", "b200"),
    ("rtx_pro_6000_server", "rtx-pro-6000"), ("A100-40GB", "a100-40gb"),
  ])
  func aliasesFindTheirDevice(_ alias: String, _ name: String) throws {
    #expect(try DeviceCatalogue.find(alias).name == name)
  }

  @Test func anUnknownDeviceNamesTheNearest() {
    #expect(
      message { _ = try DeviceCatalogue.find("h100") } == """
        error: unknown device `h100`

        hint: did you mean `h100-sxm`? `kvplan catalog devices` lists all
        """)
  }
}
