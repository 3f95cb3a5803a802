// Command chart does to the chart what `helm lint` and `helm template` do, by Helm's own packages: the whole of Helm takes
// several minutes to build. It prints the rendered manifests; those of the Prometheus operator are read into its own types,
// where a field that is not known is an error.
//
// usage: chart DIR [VALUES.yaml...]
package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: chart DIR [VALUES.yaml...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string, files []string) error {
	given, err := values(files)
	if err != nil {
		return err
	}
	manifests, err := render(dir, given)
	if err != nil {
		return err
	}
	if err := check(dir, given); err != nil {
		return err
	}
	for _, manifest := range manifests {
		if err := readStrictly(manifest); err != nil {
			return fmt.Errorf("%w in\n%s", err, manifest)
		}
		fmt.Printf("---\n%s\n", manifest)
	}
	return nil
}

// Later files win, as with `helm -f`.
func values(files []string) (map[string]interface{}, error) {
	all := map[string]interface{}{}
	for _, file := range files {
		one, err := chartutil.ReadValuesFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = chartutil.CoalesceTables(one, all)
	}
	return all, nil
}

// The manifests without the empty ones, by name of the template, notes left out.
func render(dir string, given map[string]interface{}) ([]string, error) {
	chart, err := loader.Load(dir)
	if err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "tributary", Namespace: "marketing", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, given, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	var names, manifests []string
	for name := range rendered {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		parts := releaseutil.SplitManifests(rendered[name])
		for _, part := range parts {
			manifests = append(manifests, strings.TrimSpace(part))
		}
	}
	return manifests, nil
}

// What `helm lint --strict` complains of.
func check(dir string, given map[string]interface{}) error {
	var complaints []string
	for _, message := range lint.All(dir, given, "marketing", true).Messages {
		if message.Severity >= support.WarningSev {
			complaints = append(complaints, message.Error())
		}
	}
	if len(complaints) > 0 {
		return errors.New(strings.Join(complaints, "\n"))
	}
	return nil
}

func readStrictly(manifest string) error {
	var head struct {
		Kind string `json:"kind"`
	}
	if err := yaml.Unmarshal([]byte(manifest), &head); err != nil {
		return err
	}
	switch head.Kind {
	case "ServiceMonitor":
		return yaml.UnmarshalStrict([]byte(manifest), &monitoring.ServiceMonitor{})
	case "PrometheusRule":
		return yaml.UnmarshalStrict([]byte(manifest), &monitoring.PrometheusRule{})
	}
	return nil
}
