module ashlar.test/pause

go 1.24.0
