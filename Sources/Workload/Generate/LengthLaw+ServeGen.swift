extension LengthLaw {
  /// Requests to the largest of three general models of Alibaba's platform.
  ///
  /// Sides are drawn independently: the source has no pairs. One knot beyond p = 0.999 is set so
  /// that the mean comes out.
  ///
  /// - Source: quantiles of github alibaba/ServeGen, `m-large` (Apache 2.0), weighted by rate;
  ///   its largest clients are under-represented.
  static let servegenLarge = LengthLaw(
    probabilities: tailKnots,
    promptQuantiles: [
      0, 39.88, 58, 60, 61, 62, 65.29, 72.2, 74, 75.39, 76.49, 79.17, 119.73, 161.15, 219.49,
      261.39, 332.95, 442.78, 475.34, 484.83, 498.63, 528.54, 555.93, 568.02, 575.41, 581.85,
      589.24, 602.02, 621.68, 646.44, 677.58, 715.27, 775.56, 821.78, 835.15, 848.49, 873.54,
      947.03, 986.2, 1098.05, 1195.49, 1237.9, 1405.91, 1603.88, 1907.81, 2272.41, 2371,
      2378, 2387, 2395, 2399, 2404, 2414, 2660, 2963, 3266, 4359, 4905.5, 5452, 6688, 7924,
      10927.75, 12730, 12730, 30712,
    ],
    outputQuantiles: [
      0, 1, 1, 1, 1, 1, 1, 1, 1.29, 2.39, 3, 3, 3.68, 5, 6.88, 8, 9.07, 11.17, 13.54, 15,
      15.46, 19.12, 25.63, 32.27, 36.71, 41.85, 46.15, 53.44, 59.98, 67.71, 77.76, 86.15,
      97.17, 106.66, 119.81, 133.56, 146.15, 158.73, 175.29, 214.66, 275.41, 355.83, 397.54,
      419.66, 434.63, 447.41, 461, 469, 478, 490, 507, 539, 584, 647, 702.5, 758, 815, 843.5,
      872, 951.5, 1031, 1383.5, 1595, 2752.75, 9307,
    ],
    correlation: 0,
    totalTokensMax: .max)

  /// Requests to the middle of three general models of Alibaba's platform.
  ///
  /// Sides are drawn independently: the source has no pairs. One knot beyond p = 0.999 is set so
  /// that the mean comes out.
  ///
  /// - Source: quantiles of github alibaba/ServeGen, `m-mid` (Apache 2.0), weighted by rate;
  ///   its largest clients are under-represented.
  static let servegenMid = LengthLaw(
    probabilities: tailKnots,
    promptQuantiles: [
      8, 29, 29, 30, 30, 131, 133.1, 134.2, 135.29, 136.39, 137.49, 138.59, 139.68, 141,
      142.88, 144, 146.07, 148.17, 150.27, 152.37, 154.93, 157.56, 159.66, 161.76, 163.85,
      166.9, 170.05, 173.29, 177.49, 181.68, 186.88, 192.07, 196.27, 203.2, 210.32, 218.71,
      228.1, 235.37, 240.66, 249.59, 262.9, 277.54, 282.66, 305.19, 341.73, 440.36, 645, 768,
      798, 800, 805, 864, 1168, 1249, 1321.5, 1394, 1988.5, 2285.75, 2583, 2944, 3305,
      4558.13, 5310, 9432.56, 127377,
    ],
    outputQuantiles: [
      0, 1, 1, 1, 1, 4, 5.1, 7.39, 9.29, 11, 11, 11.59, 12.68, 13, 14.88, 15.98, 17, 18.17,
      19.27, 21.37, 22.46, 24.56, 25.66, 27.76, 28.85, 30.95, 33, 34.15, 36.24, 38.34, 40.44,
      42.54, 44.63, 46.73, 48.83, 50.93, 53.02, 56.12, 58.22, 61.32, 64.41, 68.02, 72.22,
      76.41, 80.61, 86.71, 95, 100, 105, 112, 120, 131, 146, 170, 194, 218, 307.5, 352.25,
      397, 454.5, 512, 784.5, 948, 948, 15968,
    ],
    correlation: 0,
    totalTokensMax: .max)

  /// Requests to the smallest of three general models of Alibaba's platform.
  ///
  /// Sides are drawn independently: the source has no pairs. One knot beyond p = 0.999 is set so
  /// that the mean comes out.
  ///
  /// - Source: quantiles of github alibaba/ServeGen, `m-small` (Apache 2.0), weighted by rate;
  ///   its largest clients are under-represented.
  static let servegenSmall = LengthLaw(
    probabilities: tailKnots,
    promptQuantiles: [
      9, 13.38, 14, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19, 19, 20, 20, 20, 20.17, 21, 22.73,
      27, 27.56, 28, 29, 31.71, 35.95, 38.05, 40, 41.24, 43.34, 45.44, 46, 49.63, 50, 51, 51,
      52, 52, 52.22, 53.32, 59.49, 68.05, 76.44, 118.88, 159.51, 246.29, 322, 381, 405, 419,
      461, 573, 668, 782, 925.5, 1069, 1273.5, 1375.75, 1478, 1512.5, 1547, 2453.88, 2998,
      2998, 151068,
    ],
    outputQuantiles: [
      0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.78, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3,
      3, 3, 3.44, 4, 4, 4, 5, 5, 6.02, 8, 9, 10.32, 11.41, 13.51, 17.22, 25.24, 35.02, 40.8,
      44, 47, 52, 57, 62, 71, 85, 103, 111.5, 120, 131, 136.5, 142, 159.5, 177, 234.5, 269,
      682.17, 10912,
    ],
    correlation: 0,
    totalTokensMax: .max)

  /// Requests to the reasoning model DeepSeek-R1 of Alibaba's platform.
  ///
  /// Sides are drawn independently: the source has no pairs. One knot beyond p = 0.999 is set so
  /// that the mean comes out.
  ///
  /// - Source: quantiles of github alibaba/ServeGen, `deepseek-r1` (Apache 2.0), weighted by rate;
  ///   its largest clients are under-represented.
  static let servegenR1 = LengthLaw(
    probabilities: tailKnots,
    promptQuantiles: [
      4, 5.75, 7, 9, 10, 12, 14.1, 16.2, 18.29, 21.78, 25.49, 26.59, 28, 30.56, 34.76, 40.93,
      47.22, 54.51, 60.8, 68.46, 78.78, 91.93, 109.93, 135.1, 160.83, 189.12, 204.1, 208,
      210.49, 217.39, 252.39, 262.61, 267.9, 282.32, 342, 369.27, 396.24, 416.22, 441.95,
      493.1, 577.14, 712.39, 845.42, 1040.95, 1222.95, 1424.85, 2092, 2607, 3316, 3951, 4987,
      6714, 9275, 12390, 14434.5, 16479, 19951, 21687, 23423, 25825.5, 28228, 31699.88,
      33783, 33783, 57284,
    ],
    outputQuantiles: [
      9, 97, 117, 141, 170, 209, 240.27, 266.34, 290.22, 313.29, 335.88, 356.27, 375.15,
      393.24, 410.02, 426.8, 444.59, 462.54, 481.41, 501.66, 524.1, 548.73, 577.22, 608.1,
      645.37, 688.93, 739.27, 796.24, 857.56, 922.93, 990.05, 1058.17, 1123.02, 1184.49,
      1239.56, 1293.1, 1343.59, 1395.05, 1449.71, 1505.98, 1569.34, 1656.59, 1780.91,
      1992.83, 2360.2, 2852.09, 3432, 3758, 4102, 4537, 5057, 5701, 6524, 7617, 8477.5, 9338,
      10972.5, 11789.75, 12607, 14172, 15737, 18922, 20833, 20833, 32768,
    ],
    correlation: 0,
    totalTokensMax: .max)

  /// The probabilities of these laws' knots: one more in the tail than ``knots``.
  private static let tailKnots: [Double] =
    Array(knots.dropLast()) + [0.99999, 1]
}
