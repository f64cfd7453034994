package app

import (
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/settings"
)

// Kafka is how to reach the cluster of the settings. It reads the files that they name and does not connect.
func Kafka(s *settings.Settings) (bus.Settings, error) {
	k := bus.Settings{Brokers: s.Kafka.Brokers, ClientID: s.Kafka.ClientID}
	var err error
	if k.TLS, err = s.KafkaTLS(); err != nil {
		return bus.Settings{}, err
	}
	if k.SASL, err = s.KafkaSASL(); err != nil {
		return bus.Settings{}, err
	}
	return k, nil
}

// Registry is a client for the schema registry of the settings. It does not connect.
func Registry(s *settings.Settings) (*bus.Registry, error) {
	trust, err := s.RegistryTLS()
	if err != nil {
		return nil, err
	}
	return bus.NewRegistry(bus.RegistrySettings{
		URLs: s.Registry.URLs, User: s.Registry.Username, Password: s.Registry.Password.Reveal(), Token: s.Registry.Token.Reveal(),
		HTTPClient: registryClient(trust),
	})
}

// Layout is the layout of the internal topics of the settings.
func Layout(s *settings.Settings) bus.Layout {
	return bus.Layout{Fragments: s.Kafka.FragmentsPartitions, Joins: s.Kafka.JoinsPartitions}
}
