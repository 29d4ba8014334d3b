module ashlar.test/provider

go 1.24

// The module states another path than that of its repository.
require github.com/terraform-providers/terraform-provider-docker v0.0.0

// Where networks can be attached by id.
replace github.com/terraform-providers/terraform-provider-docker v0.0.0 => github.com/kreuzwerker/terraform-provider-docker v0.0.0-20260916201441-96d331c98ff4
