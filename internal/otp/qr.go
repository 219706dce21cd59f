package otp

import (
	"errors"
	"strconv"
	"strings"

	"rsc.io/qr/coding"
)

// quiet is the white margin of a QR code in modules (ISO/IEC 18004 §6.3.8).
const quiet = 4

// A Picture is a QR code for an SVG: a path of the dark modules in a square of Size units.
type Picture struct {
	Size int
	Path string
}

var errTooLong = errors.New("otp: the text is too long for a QR code")

// QR draws a text with error correction of level M, in the smallest version that holds it.
// Readers take every mask alike.
func QR(text string) (Picture, error) {
	level, data := coding.M, coding.String(text)
	version := coding.Version(coding.MinVersion)
	for ; data.Bits(version) > version.DataBytes(level)*8; version++ {
		if version == coding.MaxVersion {
			return Picture{}, errTooLong
		}
	}
	plan, err := coding.NewPlan(version, level, 0)
	if err != nil {
		return Picture{}, err
	}
	code, err := plan.Encode(data)
	if err != nil {
		return Picture{}, err
	}
	return picture(code), nil
}

// picture draws each run of dark modules of a row as one rectangle.
func picture(code *coding.Code) Picture {
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for code.Black(x+run, y) { // beyond the edge it is white
				run++
			}
			if run > 0 {
				path.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + "h" + strconv.Itoa(run) + "v1h-" + strconv.Itoa(run) + "z")
				x += run
			}
		}
	}
	return Picture{Size: code.Size + 2*quiet, Path: path.String()}
}
